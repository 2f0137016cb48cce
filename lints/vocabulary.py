"""What torch's own names give back: tensors, modules, or plain Python values."""

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FACTORIES = _words(
    """
    tensor as_tensor zeros ones empty full rand randn randint randperm arange linspace logspace
    eye from_numpy scalar_tensor normal bernoulli Tensor FloatTensor LongTensor IntTensor
    ByteTensor BoolTensor HalfTensor DoubleTensor tril_indices triu_indices hann_window
    """
)
OPERATIONS = _words(
    """
    abs add addmm all amax amin any bmm bitwise_and bitwise_not bitwise_or baddbmm cat ceil
    clamp clip clone concat concatenate cos cosh cross cumprod cumsum det diag diagonal diff
    dist div divide dot einsum eq erf exp expm1 flatten flip floor fmod gather ge greater gt
    histc hypot index_select inner inverse isclose isfinite isinf isnan kron le lerp less lgamma
    log log10 log1p log2 log_softmax logaddexp logical_and logical_not logical_or logical_xor
    logsumexp lt masked_fill masked_select matmul maximum mean minimum mm mul multinomial
    multiply mv nan_to_num nanmean nansum ne neg negative nonzero norm not_equal outer permute
    pow prod reciprocal relu remainder repeat_interleave reshape roll round rsqrt scatter
    scatter_add select sigmoid sign sin sinh softmax sqrt square squeeze stack std sub subtract
    sum swapaxes take take_along_dim tan tanh tensordot tile trace transpose tril triu
    true_divide unsqueeze var vstack hstack dstack where zeros_like ones_like empty_like
    full_like rand_like randn_like randint_like bincount unique quantile median
    """
)
# These give the memory of their tensor another shape, as a rule.
VIEWS = _words(
    """
    view reshape permute transpose squeeze unsqueeze flatten expand narrow select chunk split unbind
    t swapaxes movedim view_as contiguous detach
    """
)
# These give a tuple in some or all of their forms.
TUPLES = _words(
    """
    max min topk sort kthvalue mode chunk split tensor_split unbind meshgrid svd qr cummax cummin
    aminmax var_mean std_mean unique median broadcast_tensors
    """
)
WITHOUT_GRAD = _words(
    """
    argmax argmin argsort eq ne lt le gt ge isnan isinf isfinite isclose any all sign floor ceil
    round nonzero bincount unique searchsorted detach bool int long byte logical_and logical_or
    logical_not one_hot not_equal greater less multinomial new_zeros new_ones new_empty new_full
    new_tensor
    """
)
ARG_REDUCTIONS = frozenset({"argmax", "argmin", "argsort", "searchsorted"})
PLAIN_METHODS = _words(
    """
    item tolist numpy size dim numel nelement ndimension stride is_contiguous data_ptr
    storage_offset element_size get_device is_floating_point is_complex is_pinned is_shared
    backward register_hook allclose equal is_set_to is_same_size storage untyped_storage __len__
    has_names
    """
)
PLAIN_ATTRIBUTES = _words(
    """
    shape ndim dtype device requires_grad is_cuda is_leaf is_sparse layout names grad_fn itemsize
    nbytes is_quantized is_mps is_meta output_nr name
    """
)
# Whatever has these, they are no tensors.
ALWAYS_PLAIN_ATTRIBUTES = _words("shape ndim dtype device requires_grad is_cuda config cfg hparams")
SAME_ATTRIBUTES = frozenset({"T", "mT", "H", "mH", "real", "imag", "data", "grad"})
# Only tensors have these methods, whatever else is known of their owner.
PROVES_TENSOR = _words(
    """
    detach detach_ unsqueeze unsqueeze_ softmax log_softmax masked_fill masked_fill_ expand_as
    requires_grad_ contiguous view_as index_select type_as
    """
)
# What these give back is no tensor, whatever their owner is.
ALWAYS_PLAIN_METHODS = _words(
    """
    item tolist numpy numel size dim get_scale get_last_lr get_lr state_dict keys format startswith
    endswith strip split lower upper replace isoformat total_seconds strftime
    """
)
# Only tensors (and arrays, which these then name too) have all of these reductions.
TENSOR_METHODS = _words(
    """
    argmax argmin detach softmax log_softmax squeeze unsqueeze sum mean max min std var norm float
    long half bool double view reshape permute transpose flatten clamp abs exp log sqrt eq ne gt
    lt ge le topk any all contiguous clone sigmoid expand gather masked_fill
    """
)
DTYPES = frozenset(
    "torch." + name
    for name in _words(
        """
    float float16 float32 float64 half double bfloat16 int int8 int16 int32 int64 long short uint8
    bool complex64 complex128 cfloat
    """
    )
)
PLAIN_CALLS = _words(
    """
    int float bool str len round range repr bytes isinstance issubclass hasattr type id hash ord
    chr format print callable complex divmod input open vars dir
    """
)
CONTAINERS = frozenset(
    {
        *("list", "tuple", "set", "dict", "sorted", "reversed", "frozenset"),
        *("collections.defaultdict", "collections.OrderedDict", "collections.deque"),
    }
)
# Functions whose name says that what they give back lies on the host.
TO_HOST = re.compile(
    r"numpy|(^|_)np(_|$)|(^|_)(cpu|host|float|int|item|items|list|tolist|str|string|scalar|python"
    r"|len|length|count|time|log(?!_?(prob|softmax|sigmoid|likelihood|sum))|print|save|write|plot|draw|format)(_|$)",
    re.IGNORECASE,
)
PLAIN_PACKAGES = (
    "importlib.",
    *("numpy.", "math.", "time.", "os.", "random.", "sys.", "json.", "datetime.", "statistics."),
    *("pandas.", "itertools.", "re.", "logging.", "pathlib.", "argparse."),
)
PLAIN_TORCH = re.compile(
    r"^torch\.(device|Generator|Size|finfo|iinfo|is_\w+|numel|equal|allclose|no_grad|inference_mode"
    r"|enable_grad|set_\w+|get_\w+|manual_seed|seed|save|cuda\.(?!\w*Tensor)\w+(\.\w+)*|backends\.\S+"
    r"|optim\.\S+|amp\.\S+|version\.\S+|profiler\.\S+|autograd\.set_\w+|random\.\S+)$"
)
MODULE_WORDS = _words(
    """
    model models net network module backbone encoder decoder generator discriminator critic actor
    policy classifier ddp unet resnet vit gpt transformer netg netd teacher student ema
    """
)
CRITERION = re.compile(
    r"^(criterion\w*|criteria|loss_?fn\w*|loss_?func\w*|loss_function\w*|loss_fct|objective_fn"
    r"|(compute|calc|calculate)_loss|\w+_criterion|\w+_loss_fn"
    r"|(bce|ce|mse|l1|l2|nll|kl|dice|focal|triplet|gan|adv|recon|cls|reg|aux|contrastive|perceptual)"
    r"_?loss)$",
    re.IGNORECASE,
)
# Names of what losses are summed from; weights and counters have other names.
LOSS_NAME = re.compile(
    r"^(?!.*(weight|coef|lambda|scale|alpha|factor|_w$|_fn|func|type|name))"
    r".*(loss|(^|[._'])(nll|kld?|bce|mse|elbo|entropy|penalty|ce)([_']|$))",
    re.IGNORECASE,
)
# Methods of a module that manage it, rather than compute with it.
MODULE_UPKEEP = _words(
    """
    to cuda cpu train eval half float bfloat16 double requires_grad_ apply share_memory
    """
)
MODULE_PARTS = _words(
    """
    named_parameters named_buffers named_modules named_children children modules state_dict
    load_state_dict zero_grad add_module register_buffer register_parameter register_module
    register_forward_hook no_sync get_submodule save_pretrained set_epoch get_input_embeddings
    num_parameters config named_children extra_repr join
    """
)
WRAPS_MODULE = frozenset(
    {
        "torch.nn.DataParallel",
        "torch.nn.parallel.DistributedDataParallel",
        "torch.nn.SyncBatchNorm.convert_sync_batchnorm",
        "torch.compile",
        "torch.jit.script",
        "torch.distributed.fsdp.FullyShardedDataParallel",
    }
)

# `unwrap_model(x)`, `build_model(cfg)`: what begins with these gives a module back.
_MAKES_MODULE = _words(
    """
    unwrap get build create make load prepare init wrap setup set save new construct define convert
    is has compile freeze eval train test update
    """
)


def makes_module(name: str) -> bool:
    """Whether people call functions so that make or hand out modules."""
    first, _, rest = name.lower().strip("_").partition("_")
    made = ("unwrap", "get", "build", "create", "make", "load", "new", "construct")
    return first in made and is_module_name(rest)


def is_module_name(name: str) -> bool:
    """Whether people call modules by this name."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().strip("_").split("_")
    words = [word.rstrip("0123456789") for word in words]
    if words[0] in _MAKES_MODULE:
        return False
    return bool(words) and (words[-1] in MODULE_WORDS or words[0] in ("model", "net"))
