"""Which operators are light: by name, for the worker and for the parent.

A light operator touches each element of its inputs and outputs a few times. Every other operator may hide real work
from a counter, unless a formula counts it.
"""

from __future__ import annotations

from collections.abc import Mapping


def operator_names(text: str) -> frozenset[str]:
    """Names of torch's operators from words, with their in-place forms.

    >>> sorted(operator_names("add"))
    ['aten::add', 'aten::add_']
    """
    return frozenset(f"aten::{word}{mark}" for word in text.split() for mark in ("", "_"))


# Views, copies, allocation: no arithmetic at all
MOVES = operator_names("""
_conj _local_scalar_dense _neg_view _pin_memory _reshape_alias _reshape_copy _shape_as_tensor _stack _to_copy _to_cpu
_unsafe_view _upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d adjoint alias arange
as_strided atleast_1d atleast_2d atleast_3d broadcast_tensors broadcast_to cat channel_shuffle chunk clone
column_stack concat concatenate constant_pad_nd contiguous copy cpu cuda data detach detach_copy diag diag_embed
diagonal dsplit dstack empty empty_like empty_permuted empty_strided expand expand_as expand_copy eye fill
fill_diagonal flatten flip fliplr flipud full full_like hsplit hstack im2col imag index lift lift_fresh
lift_fresh_copy linspace mH mT masked_fill meshgrid moveaxis movedim narrow narrow_copy native_channel_shuffle
new_empty new_empty_strided new_full new_ones new_zeros numpy_T ones ones_like pad permute permute_copy pixel_shuffle
pixel_unshuffle ravel real reflection_pad1d reflection_pad2d reflection_pad3d repeat repeat_interleave
replication_pad1d replication_pad2d replication_pad3d reshape reshape_as resolve_conj resolve_neg roll rot90 row_stack
scalar_tensor select slice split split_with_sizes squeeze stack swapaxes swapdims t t_copy tensor_split tile to
transpose transpose_copy tril_indices triu_indices type_as unbind unflatten unfold unfold_copy unsafe_chunk
unsafe_split unsafe_split_with_sizes unsqueeze upsample_nearest1d upsample_nearest2d upsample_nearest3d view view_as
view_as_complex view_as_real view_copy vsplit vstack zero zeros zeros_like
""")
_ELEMENT_BY_ELEMENT = operator_names("""
__and__ __iand__ __ilshift__ __ior__ __irshift__ __ixor__ __lshift__ __or__ __rshift__ __xor__ _conj_physical
_masked_scale _prelu_kernel abs absolute acos acosh add addcdiv addcmul alpha_dropout angle arccos arccosh arcsin
arcsinh arctan arctan2 arctanh asin asinh atan atan2 atanh bitwise_and bitwise_not bitwise_or bitwise_xor ceil celu
clamp clamp_max clamp_min clip complex conj conj_physical copysign cos cosh deg2rad div divide dropout elu eq equal
erf erfc exp exp2 expm1 feature_alpha_dropout feature_dropout fix float_power floor floor_divide fmax fmin fmod frac
ge gelu glu greater greater_equal gt hardshrink hardsigmoid hardswish hardtanh heaviside hypot isclose isfinite isinf
isnan le leaky_relu lerp less less_equal log log10 log1p log2 log_sigmoid log_sigmoid_forward logaddexp logaddexp2
logical_and logical_not logical_or logical_xor logit lt max maximum min minimum mish mul multiply nan_to_num
native_dropout ne neg negative not_equal pairwise_distance polar positive pow prelu rad2deg reciprocal relu relu6
remainder round rrelu rrelu_with_noise rsqrt rsub selu sgn sigmoid sign signbit silu sin sinc sinh softplus softshrink
sqrt square sub subtract tan tanh threshold tril triu true_divide trunc where xlogy
""")
_SUMS_AND_ORDERS = operator_names("""
_aminmax _is_all_true _is_any_true _unique2 all allclose amax amin aminmax any argmax argmin argsort argwhere bincount
bucketize count_nonzero cummax cummin cumprod cumsum diff dist frobenius_norm index_add isin kthvalue
linalg_matrix_norm linalg_norm linalg_vector_norm logcumsumexp logsumexp mean median msort nanmean nanmedian nansum
nonzero norm norm_except_dim prod quantile scatter_add scatter_reduce searchsorted sort std std_mean sum sum_to_size
topk unique_consecutive unique_dim var var_mean
""")
_PICKING = operator_names("""
_index_put_impl _unsafe_index _unsafe_index_put embedding gather index_copy index_fill index_put index_reduce
index_select masked_scatter masked_select one_hot put scatter select_scatter slice_scatter take take_along_dim
""")
_NORMS_AND_SOFTMAX = operator_names("""
_batch_norm_impl_index _batch_norm_no_update _fused_rms_norm _log_softmax _native_batch_norm_legit
_native_batch_norm_legit_no_training _safe_softmax _softmax _weight_norm _weight_norm_interface batch_norm
cosine_similarity cudnn_batch_norm group_norm instance_norm layer_norm local_response_norm log_softmax
miopen_batch_norm native_batch_norm native_group_norm native_layer_norm rms_norm softmax softmin
""")
_POOLING_AND_SAMPLING = operator_names("""
_adaptive_avg_pool2d _adaptive_avg_pool3d _grid_sampler_2d_cpu_fallback _upsample_bicubic2d_aa _upsample_bilinear2d_aa
adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d
adaptive_max_pool3d affine_grid_generator avg_pool1d avg_pool2d avg_pool3d col2im cudnn_grid_sampler grid_sampler
grid_sampler_2d grid_sampler_3d max_pool1d max_pool1d_with_indices max_pool2d max_pool2d_with_indices max_pool3d
max_pool3d_with_indices max_unpool2d mkldnn_max_pool2d quantized_max_pool2d upsample_bicubic2d upsample_bilinear2d
upsample_linear1d upsample_trilinear3d
""")
_RANDOM = operator_names("""
bernoulli exponential normal rand rand_like randint randint_like randn randn_like random randperm uniform
""")
# What a trace has beside operators on tensors: sizes, types and single numbers
_OF_NUMBERS = operator_names("""
Bool Complex ComplexImplicit Float FloatImplicit Int IntImplicit ScalarImplicit __contains__ __derive_index__
__getitem__ __is__ __isnot__ __not__ __range_length__ _assert_async _assert_scalar _assert_tensor_metadata
_functional_assert_async _has_compatible_shallow_copy_type _set_item _version append dim format get_device is_complex
is_contiguous is_floating_point is_nonzero is_pinned is_same_size item len list numel promote_types result_type size
storage_offset stride sym_numel sym_size sym_storage_offset sym_stride tensor warn
""")
LIGHT = (
    MOVES
    | _ELEMENT_BY_ELEMENT
    | _SUMS_AND_ORDERS
    | _PICKING
    | _NORMS_AND_SOFTMAX
    | _POOLING_AND_SAMPLING
    | _RANDOM
    | _OF_NUMBERS
)
# Namespaces of what a trace or torch itself adds, and their nodes that call a team's own functions
_ADDED, _CALLS = ("prims", "prim", "profiler"), ("PythonOp", "CallFunction")


def heavy_operators(unknown: Mapping[str, int]) -> dict[str, int]:
    """Those of a counter's unknown operators that may hide real work: all that are not light."""
    return {name: times for name, times in unknown.items() if not _is_light(name)}


def _is_light(name: str) -> bool:
    namespace, _, operator = name.partition("::")
    return name in LIGHT or (namespace in _ADDED and not operator.startswith(_CALLS))
