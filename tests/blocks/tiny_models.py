"""Large models with the smallest parts, untrained, written where they can be loaded from."""

import json
from pathlib import Path
from typing import Any

import torch


def letters(place: Path) -> Any:
    """A tokenizer of CLIP's kind that knows letters alone."""
    from transformers import CLIPTokenizer

    words = ["<|startoftext|>", "<|endoftext|>", *(f"{letter}</w>" for letter in "abcdefghijklmnopqrstuvwxyz"),
             *"abcdefghijklmnopqrstuvwxyz"]  # fmt: skip
    (place / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (place / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(place / "vocab.json"), str(place / "merges.txt"), model_max_length=77)


IMAGE_MARK = "<image>"
CHAT = (
    "{% for message in messages %}{% for part in message['content'] %}"
    "{{ '<image>' if part['type'] == 'image' else part['text'] }}{% endfor %}{% endfor %}"
)


def save_tiny_llava(place: Path, chat_template: str | None) -> Path:
    """LLaVA with two layers of width 32 each, letters for words, untrained."""
    from transformers import (
        CLIPImageProcessorPil,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    tokenizer = letters(place)
    tokenizer.add_tokens([IMAGE_MARK], special_tokens=True)
    small: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 37,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }
    torch.manual_seed(0)
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(image_size=30, patch_size=10, **small),
        text_config=LlamaConfig(vocab_size=len(tokenizer), num_key_value_heads=4, **small),
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE_MARK),
    )
    LlavaForConditionalGeneration(config).save_pretrained(place)
    edges = {"height": 30, "width": 30}
    LlavaProcessor(
        CLIPImageProcessorPil(size=edges, crop_size=edges), tokenizer, patch_size=10, num_additional_image_tokens=1,
        vision_feature_select_strategy="default", chat_template=chat_template,
    ).save_pretrained(place)  # fmt: skip
    return place


def save_tiny_diffusion(place: Path, *, halvings: int, edges: Path | None = None) -> Path:
    """Stable Diffusion whose latent is smaller by so many halvings; pictures of 16 times 2 to that power pixels.

    `edges`: where a ControlNet for it is written.
    """
    from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    tokenizer = letters(place)
    torch.manual_seed(0)
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=54, hidden_size=32, intermediate_size=37, num_hidden_layers=2, num_attention_heads=4,
            bos_token_id=0, eos_token_id=1,
        )
    )  # fmt: skip
    unet = UNet2DConditionModel(
        block_out_channels=(32, 64), layers_per_block=1, sample_size=16, in_channels=4, out_channels=4,
        cross_attention_dim=32, attention_head_dim=8, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    sizes = halvings + 1
    vae = AutoencoderKL(
        block_out_channels=(32,) * halvings + (64,), in_channels=3, out_channels=3, latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * sizes, up_block_types=("UpDecoderBlock2D",) * sizes,
    )  # fmt: skip
    StableDiffusionPipeline(
        vae=vae, text_encoder=text, tokenizer=tokenizer, unet=unet, scheduler=DDIMScheduler(), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(place)  # fmt: skip
    if edges is not None:
        network = ControlNetModel.from_unet(unet)
        with torch.no_grad():
            # What it gives is zero until it is trained.
            for parameter in network.parameters():
                parameter.add_(0.1 * torch.randn(parameter.shape))
        network.save_pretrained(edges)
    return place
