// The names of PyTorch that a pickle may use, as a table. What is not here means nothing.
#include <algorithm>
#include <array>

#include "files/pickle.h"

namespace dq::files {
namespace {

struct KnownName {
  std::string_view module, name;
  PickleName meaning;
  DType dtype{};
};

constexpr std::array kKnownNames = {
    KnownName{"collections", "OrderedDict", PickleName::kOrderedDict},
    KnownName{"torch", "Size", PickleName::kSize},
    KnownName{"torch._utils", "_rebuild_tensor", PickleName::kRebuildTensor},
    KnownName{"torch._utils", "_rebuild_tensor_v2", PickleName::kRebuildTensorV2},
    KnownName{"torch._utils", "_rebuild_tensor_v3", PickleName::kRebuildTensorV3},
    KnownName{"torch._utils", "_rebuild_parameter", PickleName::kRebuildParameter},
    KnownName{"torch._utils", "_rebuild_parameter_with_state", PickleName::kRebuildParameter},
    KnownName{"torch", "DoubleStorage", PickleName::kStorage, DType::kF64},
    KnownName{"torch", "FloatStorage", PickleName::kStorage, DType::kF32},
    KnownName{"torch", "HalfStorage", PickleName::kStorage, DType::kF16},
    KnownName{"torch", "BFloat16Storage", PickleName::kStorage, DType::kBF16},
    KnownName{"torch", "LongStorage", PickleName::kStorage, DType::kI64},
    KnownName{"torch", "IntStorage", PickleName::kStorage, DType::kI32},
    KnownName{"torch", "ShortStorage", PickleName::kStorage, DType::kI16},
    KnownName{"torch", "CharStorage", PickleName::kStorage, DType::kI8},
    KnownName{"torch", "ByteStorage", PickleName::kStorage, DType::kU8},
    KnownName{"torch", "BoolStorage", PickleName::kStorage, DType::kBool},
    KnownName{"torch.storage", "UntypedStorage", PickleName::kUntypedStorage, DType::kU8},
    KnownName{"torch", "UntypedStorage", PickleName::kUntypedStorage, DType::kU8},
    KnownName{"torch", "ComplexFloatStorage", PickleName::kUnknownStorage},
    KnownName{"torch", "ComplexDoubleStorage", PickleName::kUnknownStorage},
    KnownName{"torch", "QInt8Storage", PickleName::kUnknownStorage},
    KnownName{"torch", "QUInt8Storage", PickleName::kUnknownStorage},
    KnownName{"torch", "QInt32Storage", PickleName::kUnknownStorage},
    KnownName{"torch", "QUInt4x2Storage", PickleName::kUnknownStorage},
    KnownName{"torch", "QUInt2x4Storage", PickleName::kUnknownStorage},
    KnownName{"torch", "float64", PickleName::kDtype, DType::kF64},
    KnownName{"torch", "float32", PickleName::kDtype, DType::kF32},
    KnownName{"torch", "float16", PickleName::kDtype, DType::kF16},
    KnownName{"torch", "bfloat16", PickleName::kDtype, DType::kBF16},
    KnownName{"torch", "float8_e4m3fn", PickleName::kDtype, DType::kF8E4M3},
    KnownName{"torch", "float8_e5m2", PickleName::kDtype, DType::kF8E5M2},
    KnownName{"torch", "int64", PickleName::kDtype, DType::kI64},
    KnownName{"torch", "int32", PickleName::kDtype, DType::kI32},
    KnownName{"torch", "int16", PickleName::kDtype, DType::kI16},
    KnownName{"torch", "int8", PickleName::kDtype, DType::kI8},
    KnownName{"torch", "uint64", PickleName::kDtype, DType::kU64},
    KnownName{"torch", "uint32", PickleName::kDtype, DType::kU32},
    KnownName{"torch", "uint16", PickleName::kDtype, DType::kU16},
    KnownName{"torch", "uint8", PickleName::kDtype, DType::kU8},
    KnownName{"torch", "bool", PickleName::kDtype, DType::kBool},
    KnownName{"torch", "complex64", PickleName::kUnknownDtype},
    KnownName{"torch", "complex128", PickleName::kUnknownDtype},
    KnownName{"torch", "float8_e4m3fnuz", PickleName::kUnknownDtype},
    KnownName{"torch", "float8_e5m2fnuz", PickleName::kUnknownDtype},
    KnownName{"torch", "float8_e8m0fnu", PickleName::kUnknownDtype},
    KnownName{"torch", "float4_e2m1fn_x2", PickleName::kUnknownDtype},
};

}  // namespace

PickleValue resolve_pickle_name(std::string_view module, std::string_view name) {
  const auto it = std::find_if(kKnownNames.begin(), kKnownNames.end(), [&](const KnownName& known) {
    return known.name == name && known.module == module;
  });
  PickleValue out;
  if (it == kKnownNames.end()) {
    out.kind = PickleValue::Kind::kOpaque;
  } else {
    out.kind = PickleValue::Kind::kName;
    out.name = it->meaning;
    out.dtype = it->dtype;
  }
  return out;
}

}  // namespace dq::files
