"""Commands that send and label pictures."""

from pathlib import Path
from typing import Annotated, Any

import typer

from linksim.cli.interrupt import importing
from linksim.cli.options import Device, Json, Seed


def transmit(
    picture: Annotated[Path, typer.Argument(help="The picture to send.")],
    out: Annotated[Path, typer.Option(help="Folder for report.png, reconstruction.png and result.json.")] = Path("out"),
    link: Annotated[
        str,
        typer.Option(
            help="The link: sa_oosc, ntscc, swinjscc, deepjscc (learned), klt (closed form), or a picture "
            "codec with LDPC and QAM: semantic-separation (AVIF in layers by importance), avif-ldpc, heif-ldpc, "
            "webp-ldpc, jpeg2000-ldpc, jpeg-ldpc; or vlm_csc, which sends what the picture says; or uidsc, which sends "
            "what --intent asks for; or gened_sc, whose receiver finishes a coarse picture: what it adds is made, "
            "not received."
        ),
    ] = "sa_oosc",
    weights: Annotated[
        str | None,
        typer.Option(
            help="For a learned link: the name of shipped weights, or a .safetensors file, also of linksim import."
        ),
    ] = None,
    boxes: Annotated[Path | None, typer.Option(help="JSON file with boxes or detections.")] = None,
    labels: Annotated[Path | None, typer.Option(help="JSON file with labels, if the boxes have none.")] = None,
    importance: Annotated[
        str | None,
        typer.Option(
            help="Where the importance labels come from: student (a small network, from the picture alone or with "
            "--boxes), file (--boxes has labels), rules, class, mllm (an endpoint), or none (default: file with "
            "--boxes, else student; none where the link does not use importance)."
        ),
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(
            help="Without --boxes: weights of ultralytics that find the objects (default yolo11x.pt for rules, class "
            "and mllm; the student needs none)."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="For mllm: the model's name at the endpoint (default gpt-4o). With --intent-by: the name or file of "
            "the network."
        ),
    ] = None,
    channel: Annotated[
        str,
        typer.Option(
            help="awgn, rayleigh, rician, or tdl-a to tdl-e and cdl-a to cdl-e: OFDM, pilots included in the CBR; "
            "waveform or ofdm-waveform: samples, with a synchroniser; gnuradio: the same through GNU Radio."
        ),
    ] = "awgn",
    snr: Annotated[float, typer.Option(help="Es/N0 per complex channel use in dB.", min=-60, max=100)] = 10.0,
    cbr: Annotated[
        float | None,
        typer.Option(
            help="Channel bandwidth ratio of the payload (default 0.0201; of imported weights with one rate, that)."
        ),
    ] = None,
    cbr_total: Annotated[float | None, typer.Option(help="Channel bandwidth ratio of everything that is sent.")] = None,
    psnr: Annotated[
        float | None, typer.Option(help="Expected PSNR in dB, reached with the smallest rate; klt only.")
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option(
            help="Use the rate rule of SA-OOSC's paper: so many more channel uses for high importance, fewer for low."
        ),
    ] = None,
    effort: Annotated[
        int,
        typer.Option(
            help="Steps of the transmitter's search for what the receiver makes most of; sa_oosc and ntscc only. 30 "
            "give 0.5 dB on what matters in street scenes, 100 give 0.7 dB.",
            min=0,
            max=10_000,
        ),
    ] = 0,
    captioner: Annotated[
        str | None,
        typer.Option(
            help="For vlm_csc and gened_sc: local (default for vlm_csc), classes (what a classifier of photographs "
            "sees; default for gened_sc), transformers:MODEL (BLIP and its kind) or endpoint:MODEL; for gened_sc also "
            "none."
        ),
    ] = None,
    caption: Annotated[
        str | None, typer.Option(help="For gened_sc: the sentence that describes the picture, instead of --captioner.")
    ] = None,
    editor: Annotated[
        str | None,
        typer.Option(
            help="For gened_sc: local (default), none, diffusers:MODEL (InstructPix2Pix, Stable Diffusion and their "
            "kind) or endpoint:MODEL."
        ),
    ] = None,
    generator: Annotated[
        str | None,
        typer.Option(
            help="For vlm_csc: flow (default), retrieval:PICTURES (a folder of captioned pictures), diffusers:MODEL "
            "(Stable Diffusion and its kind) or endpoint:MODEL."
        ),
    ] = None,
    intent: Annotated[
        str | None,
        typer.Option(
            help="What is wanted, in English: all that uidsc sends, and what matters for sa_oosc and klt. The objects "
            "are those in --boxes or by --detector; without them large ones of 61 classes are found, no persons."
        ),
    ] = None,
    intent_by: Annotated[
        str | None,
        typer.Option(
            help="What understands --intent: words (rules, default), open-vocabulary (YOLOE or SAM 3), endpoint (a "
            "multimodal model), or reasoning (Sa2VA, of LISA's kind)."
        ),
    ] = None,
    masks: Annotated[
        Path | None,
        typer.Option(help="With --intent: a picture whose pixels are the places of the objects in --boxes, from 1."),
    ] = None,
    word_list: Annotated[
        str | None,
        typer.Option(
            help="For vlm_csc: the word list that --weights were trained with, where it is none of the shipped ones."
        ),
    ] = None,
    seed: Seed = 1,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.auto,
    json: Json = False,
) -> None:
    """Send one picture over a noisy channel, and report the result."""
    with importing():
        from linksim.cli.described_picture import VLM_CSC, DescribedPicture, run_described_picture
        from linksim.cli.edited_picture import GENED_SC, EditedPicture, run_edited_picture
        from linksim.cli.importance import ImportanceSource
        from linksim.cli.intended_picture import UIDSC, IntendedPicture, run_intended_picture
        from linksim.cli.links import link_name
        from linksim.cli.scene import AskedRegion
        from linksim.cli.transmission import Transmission
        from linksim.cli.transmit import run_transmit
        from linksim.errors import ParameterError
        from linksim.flowgraphs import USES_IMPORTANCE

    goal = {"cbr": cbr, "cbr-total": cbr_total, "psnr": psnr, "alpha": alpha, "effort": effort}
    drawn = {"caption": caption, "editor": editor}
    common: dict[str, Any] = {"picture": picture, "out": out, "weights": weights, "channel": channel, "snr_db": snr,
                              "seed": seed, "device": device.value}  # fmt: skip
    if link.replace("-", "_") == GENED_SC:
        edited = EditedPicture(**common, caption=caption, captioner=captioner, editor=editor or "local", cbr=cbr,
                               cbr_total=cbr_total)  # fmt: skip
        edited.refuse(
            {"boxes": boxes, "labels": labels, "importance": importance, "detector": detector, "model": model,
             "psnr": psnr, "alpha": alpha, "effort": effort, "generator": generator, "word-list": word_list,
             "intent": intent, "intent-by": intent_by, "masks": masks}
        )  # fmt: skip
        edited.check()
        run_edited_picture(edited, json)
        return
    if link.replace("-", "_") == UIDSC:
        if intent is None:
            raise ParameterError(f"the link '{UIDSC}' sends what you ask for: say it in --intent")
        region = AskedRegion(intent, intent_by, model, boxes, masks, detector)
        intended = IntendedPicture(**common, region=region)
        intended.refuse({"labels": labels, "importance": importance, "captioner": captioner, "generator": generator,
                         "word-list": word_list, **drawn, **goal})  # fmt: skip
        region.check()
        run_intended_picture(intended, json)
        return
    if link.replace("-", "_") == VLM_CSC:
        described = DescribedPicture(**common, captioner=captioner or "local", generator=generator or "flow",
                                     word_list=word_list)  # fmt: skip
        described.refuse(
            {"boxes": boxes, "labels": labels, "importance": importance, "detector": detector, "model": model,
             "intent": intent, "intent-by": intent_by, "masks": masks, **drawn, **goal}
        )  # fmt: skip
        run_described_picture(described, json)
        return
    links = {
        "captioner": f"links '{VLM_CSC}' and '{GENED_SC}'",
        "generator": f"link '{VLM_CSC}'",
        "word-list": f"link '{VLM_CSC}'",
    }
    for name, value in {"captioner": captioner, "generator": generator, "word-list": word_list, **drawn}.items():
        if value is not None:
            where = links.get(name, f"link '{GENED_SC}'")
            raise ParameterError(f"--{name} is for the {where}; leave it out")
    goals = {"target_cbr": cbr, "target_cbr_total": cbr_total, "target_psnr": psnr}
    of_use = link_name(link, (GENED_SC, UIDSC, VLM_CSC)) in USES_IMPORTANCE
    source = ImportanceSource(
        importance, boxes, labels, detector, model, of_use=of_use, intent=intent, intent_by=intent_by, masks=masks
    )
    asked = Transmission(picture, out, link, weights, source, channel, snr, goals, alpha, effort, seed, device.value)
    run_transmit(asked, json)


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("demo"),
    seed: Seed = 1,
    json: Json = False,
) -> None:
    """Send real photographs over AWGN and Rayleigh at 0, 5, 10 and 15 dB."""
    with importing():
        from linksim.cli.demo import run_demo

    run_demo(out, seed, json)


def annotate(
    pictures: Annotated[Path, typer.Argument(help="A folder of pictures.")],
    out: Annotated[Path, typer.Option(help="Folder of the benchmark; what it already contains is kept.")],
    by: Annotated[
        str,
        typer.Option(
            help="Who labels: mllm (OPENAI_BASE_URL and OPENAI_API_KEY), student, rules (distance, path) or class."
        ),
    ] = "mllm",
    model: Annotated[
        str | None, typer.Option(help="For mllm: the model's name at the endpoint (default gpt-4o).")
    ] = None,
    scenario: Annotated[
        str | None, typer.Option(help="For mllm: driving (default), surveillance, or a description of your own.")
    ] = None,
    detector: Annotated[
        str | None, typer.Option(help="Weights of ultralytics that find the objects (default yolo11x.pt).")
    ] = None,
    detections: Annotated[Path | None, typer.Option(help="Folder of detections, used instead of a detector.")] = None,
    workers: Annotated[
        int | None, typer.Option(help="For mllm: number of questions at the same time (default 8).", min=1, max=64)
    ] = None,
    price: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Prices of a million input and output tokens, to report the cost."),
    ] = None,
    json: Json = False,
) -> None:
    """Make a benchmark of labelled objects from a folder of pictures, resumably."""
    with importing():
        from linksim.cli.annotate import run_annotate
        from linksim.cli.annotating import Annotating

    run_annotate(Annotating(pictures, out, by, model, scenario, detector, detections, workers, price), json)


def agreement(
    dataset: Annotated[Path, typer.Argument(help="Street scenes with labels by a model and three drivers.")],
    part: Annotated[str | None, typer.Option(help="One part of the split, such as val (default: all).")] = None,
    model: Annotated[str, typer.Option(help="Folder of the model's labels.")] = "importance_mllm",
    driver: Annotated[
        list[str] | None,
        typer.Option(help="Folder of a person's labels, three or more (default importance_human_a, _b and _c)."),
    ] = None,
    seed: Seed = 1,
    json: Json = False,
) -> None:
    """Measure how far annotators agree on importance, per object and per patch, with intervals."""
    with importing():
        from linksim.benches.agreement import DRIVERS, Agreement
        from linksim.cli.agreement import run_agreement

    run_agreement(Agreement(dataset, part, seed, model, tuple(driver or DRIVERS)), json)
