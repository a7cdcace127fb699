#pragma once
// Pickles (docs.python.org, module pickletools) read as data. Python's unpickler is a small machine that may
// import and call anything; this one has no such instructions. It knows containers, numbers, text, and the
// few names with which PyTorch describes tensors. Every other name becomes an inert leaf, "opaque", and
// calling or filling it leaves it opaque. There is no switch that makes it do more.
#include <deque>
#include <string_view>
#include <vector>

#include "base/byte_reader.h"
#include "tensor/dtype.h"

namespace dq::files {

// The names that mean something to us.
enum class PickleName : std::uint8_t {
  kOrderedDict,       // collections.OrderedDict
  kSize,              // torch.Size
  kRebuildTensor,     // torch._utils._rebuild_tensor: (storage, offset, size, stride)
  kRebuildTensorV2,   // … _v2: (…, requires_grad, hooks, [metadata])
  kRebuildTensorV3,   // … _v3: (…, requires_grad, hooks, dtype, [metadata])
  kRebuildParameter,  // torch._utils._rebuild_parameter[_with_state]: (tensor, …)
  kStorage,           // torch.FloatStorage …: `dtype` says of what
  kUntypedStorage,    // torch.storage.UntypedStorage: bytes
  kUnknownStorage,    // storages of complex or quantised numbers
  kDtype,             // torch.float16 …: `dtype`
  kUnknownDtype,
};

struct PickleValue {
  enum class Kind : std::uint8_t {
    kNone,
    kBool,
    kInt,
    kBigInt,
    kFloat,
    kText,
    kBytes,
    kTuple,
    kList,
    kDict,
    kName,
    kStorage,
    kTensor,
    kOpaque,
  };
  Kind kind = Kind::kNone;
  PickleName name{};
  DType dtype{};
  std::uint32_t length = 0;  // kText, kBytes, kBigInt: bytes
  // kBool, kInt: the value; kFloat: its bits; kText, kBytes, kBigInt: where it starts in the pickle's bytes;
  // kTuple, kList, kDict, kStorage, kTensor: the number of its node.
  std::uint64_t bits = 0;
};

// The items of a container: elements; key, value, key, value … for a dict; the arguments of a storage
// ("storage", type, key, location, elements, …) or of a tensor (storage, offset, size, stride, …).
struct PickleNode {
  std::vector<PickleValue> items;
  std::uint8_t depth = 1;
};

struct PickleTree {
  Bytes bytes;
  std::deque<PickleNode> nodes;
  PickleValue root;
  std::uint64_t size = 0;  // bytes the pickle took, STOP included

  const std::vector<PickleValue>& items(const PickleValue& v) const { return nodes[v.bits].items; }
  std::string_view text(const PickleValue& v) const;
};

inline constexpr std::uint64_t kMaxPickleBytes = 64u << 20;
inline constexpr int kMaxPickleNesting = 100;

// Reads the pickle that starts at bytes[0], up to and with its STOP; what follows is not looked at. `base` is
// added to the offsets in errors. Throws kBadFile with the offset of the instruction at fault.
PickleTree parse_pickle(Bytes bytes, std::uint64_t base);

// What a pickle's "module" and "name" mean; an opaque value for all but the names above.
PickleValue resolve_pickle_name(std::string_view module, std::string_view name);

}  // namespace dq::files
