"""A small catalogue of what the helpers of well-known libraries give back."""

import re

# What these are given on the device, they give back there, in another form or as a new tensor.
_TENSORS = re.compile(
    r"^(torchvision\.ops\.\w+|einops\.(rearrange|repeat|reduce|einsum|pack)"
    r"|kornia\.(\w+\.)*[a-z]\w*|torch_scatter\.\w+|torchmetrics\.functional\.(\w+\.)*[a-z]\w*"
    r"|fvcore\.nn\.\w*loss\w*|pytorch_msssim\.(ms_)?ssim|timm\.utils\.(\w+\.)?reduce_tensor"
    r"|torch_geometric\.nn\.global_\w+_pool|torchaudio\.functional\.\w+"
    r"|segmentation_models_pytorch\.metrics\.\w+)$"
)
# These give several: `acc1, acc5 = accuracy(output, target, topk=(1, 5))`.
_SEVERAL = re.compile(r"^timm\.utils\.(\w+\.)?accuracy$")
# Calls the function that it is given.
_RUNS = re.compile(r"^torch\.utils\.checkpoint\.checkpoint(_sequential)?$")
_MODULES = re.compile(
    r"^(timm\.(models\.)?create_model|torchvision\.models\.(\w+\.)*[a-z]\w*|torch\.hub\.load"
    r"|(transformers|diffusers|peft|sentence_transformers)\.\w*(Model|For\w+|Net|Transformer|Autoencoder\w*"
    r"|Transformer2D\w*)\w*(\.from_pretrained|\.from_config)?|peft\.get_peft_model|lpips\.LPIPS"
    r"|segmentation_models_pytorch\.[A-Z]\w*|segmentation_models_pytorch\.losses\.[A-Z]\w*"
    r"|monai\.(networks\.nets|losses)\.[A-Z]\w*|pytorch_metric_learning\.losses\.[A-Z]\w*"
    r"|kornia\.losses\.[A-Z]\w*|timm\.loss\.[A-Z]\w*|ema_pytorch\.EMA|efficientnet_pytorch\.[A-Z]\w*"
    r"(\.from_pretrained|\.from_name)?)$"
)


def gives_tensor(name: str) -> bool:
    """Whether a function gives back one tensor, made of those that it is given."""
    return bool(_TENSORS.match(name))


def gives_tensors(name: str) -> bool:
    """Whether a function gives back a list of tensors, made of those that it is given."""
    return bool(_SEVERAL.match(name))


def runs_module(name: str) -> bool:
    """Whether a function runs the module, or function, that it is given first."""
    return bool(_RUNS.match(name))


def gives_module(name: str) -> bool:
    """Whether a function or class gives back a module."""
    return bool(_MODULES.match(name))
