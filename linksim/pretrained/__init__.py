"""Links with their weights in one folder, or in a repository of the Hugging Face Hub."""

from linksim.pretrained.folder import from_pretrained, save_pretrained

__all__ = ["from_pretrained", "save_pretrained"]
