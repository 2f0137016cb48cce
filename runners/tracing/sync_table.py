"""Which operators and Python calls make CUDA wait for the host, and why. Data.

The reasons were read in PyTorch's sources. `verified` names the GPU, driver and version of PyTorch
on which `set_sync_debug_mode` agreed; so far no GPU has run any of it.
"""

from dataclasses import dataclass
from enum import Enum

NO_GPU = "no GPU yet"


class When(Enum):
    """On what it depends whether an operator waits; `conditions.py` decides."""

    ALWAYS = "always"
    NO_OUTPUT_SIZE = "without output_size"
    NO_RANGE = "where min equals max, as by default"
    MASK_OR_CPU_INDEX = "where a bool mask, or an index on the CPU, selects"
    MASK_PUT = "where a bool mask (unless one number is filled in) or an index on the CPU selects"
    CHECKED = "with check_errors"
    GPU_VALUE = "where the value to fill in is a tensor on the GPU"
    MANY = "where so many elements are looked for that both sides are sorted"


@dataclass(frozen=True, slots=True)
class SyncOperator:
    """An operator of ATen that waits, and the reason."""

    why: str
    when: When = When.ALWAYS
    verified: str = NO_GPU


_SIZE = "the size of the result has to reach the host"
_VALUE = "a value has to reach the host"
_INFO = "the host reads whether the factorization failed"

# By name without `aten::` and overload.
OPERATORS = {
    "_local_scalar_dense": SyncOperator(_VALUE),
    "is_nonzero": SyncOperator(_VALUE),
    "equal": SyncOperator(_VALUE),
    "allclose": SyncOperator(_VALUE),
    "nonzero": SyncOperator(_SIZE),
    "argwhere": SyncOperator(_SIZE),
    "masked_select": SyncOperator(_SIZE),
    "_unique": SyncOperator(_SIZE),
    "_unique2": SyncOperator(_SIZE),
    "unique_dim": SyncOperator(_SIZE),
    "unique_consecutive": SyncOperator(_SIZE),
    "unique_dim_consecutive": SyncOperator(_SIZE),
    "bincount": SyncOperator("the largest value, which is the size of the result, is read"),
    "repeat_interleave": SyncOperator(_SIZE, When.NO_OUTPUT_SIZE),
    "histc": SyncOperator("the smallest and largest value are read", When.NO_RANGE),
    "index": SyncOperator("a mask is turned into indices", When.MASK_OR_CPU_INDEX),
    "_unsafe_index": SyncOperator("a mask is turned into indices", When.MASK_OR_CPU_INDEX),
    "index_put": SyncOperator("a mask is turned into indices", When.MASK_PUT),
    "index_put_": SyncOperator("a mask is turned into indices", When.MASK_PUT),
    "_index_put_impl_": SyncOperator("a mask is turned into indices", When.MASK_PUT),
    "_unsafe_index_put": SyncOperator("a mask is turned into indices", When.MASK_PUT),
    "masked_fill": SyncOperator("the value is read to be filled in", When.GPU_VALUE),
    "masked_fill_": SyncOperator("the value is read to be filled in", When.GPU_VALUE),
    "index_fill": SyncOperator("the value is read to be filled in", When.GPU_VALUE),
    "index_fill_": SyncOperator("the value is read to be filled in", When.GPU_VALUE),
    "isin": SyncOperator("both sides are made unique", When.MANY),
    "_to_sparse": SyncOperator(_SIZE),
    "_coalesce": SyncOperator(_SIZE),
    "embedding_renorm_": SyncOperator("the number of different indices is read"),
    "_linalg_check_errors": SyncOperator(_INFO),
    "linalg_cholesky_ex": SyncOperator(_INFO, When.CHECKED),
    "linalg_inv_ex": SyncOperator(_INFO, When.CHECKED),
    "linalg_lu_factor_ex": SyncOperator(_INFO, When.CHECKED),
    "_linalg_solve_ex": SyncOperator(_INFO, When.CHECKED),
    "linalg_ldl_factor_ex": SyncOperator(_INFO, When.CHECKED),
    "_linalg_eigh": SyncOperator(_INFO),
    "_linalg_svd": SyncOperator(_INFO),
    "linalg_lstsq": SyncOperator(_INFO),
    "linalg_pinv": SyncOperator(_INFO),
    "linalg_eig": SyncOperator("it is worked out on the host"),
    "_linalg_eigvals": SyncOperator("it is worked out on the host"),
    "linalg_eigvals": SyncOperator("it is worked out on the host"),
    "linalg_matrix_exp": SyncOperator("matrices are sorted by their norms with nonzero"),
}

# Overloads with a tensor of standard deviations.
NORMAL_STD = ("normal.float_Tensor", "normal.Tensor_Tensor")
NORMAL_WHY = "the host checks that no standard deviation is negative"

# Results that are on the CPU though an argument is on the GPU, by their positions.
ON_CPU = {"_pack_padded_sequence": (1,)}

# Methods of a tensor on the GPU that hand its value to Python.
READS = {
    "item": "item()",
    "__bool__": "bool()",
    "__int__": "int()",
    "__float__": "float()",
    "__index__": "as an index",
    "__complex__": "complex()",
    "is_nonzero": "is_nonzero()",
    "__contains__": "in",
    "tolist": "tolist()",
    "numpy": "numpy()",
    "__array__": "numpy()",
    "__repr__": "repr()",
    "__format__": "format()",
}
READ_WHY = "the value has to reach Python"

ON_CPU_WHY = "the tensor is on the CPU"
THERE_WHY = "the tensor is there already"

# Functions whose implementation for CPUs reads values, and that for CUDA does not.
CHECKED_ON_CPU_ONLY = ("one_hot", "quantile", "nanquantile")
ONE_HOT_WHY = "the number of classes is not given, so that the largest one is read"
# Functions that wait on CUDA in a part that a CPU does not have, or where the tables do not see it.
WAITING = {
    "ctc_loss": "lengths are copied between the host and the GPU",
    "cov": "the host checks the degrees of freedom",
    "corrcoef": "the host checks the degrees of freedom",
}

H2D_WHY = "the copy to the GPU is not `non_blocking` from pinned memory"
D2H_WHY = "the copy from the GPU is not `non_blocking`"
STAGED_WHY = "the memory is not pinned, so that the host takes part in the copy"
ASYNC_WHY = "the host goes on at once"
NEW_WHY = "the values come from the host, and are copied from memory that is not pinned"
CPU_INDEX_WHY = "the index is on the CPU and is copied first"

# What scripts call of torch.cuda and torch.accelerator.
CALLS = {
    "synchronize": "it waits for all that the GPU has been given",
    "Event.synchronize": "it waits for the event",
    "Stream.synchronize": "it waits for the stream",
    "empty_cache": "memory is given back with cudaFree, which waits for the GPU",
    "barrier": "the host waits for the other processes",
}
