#pragma once
// One tensor of a PyTorch pickle: a view (offset, sizes, strides) of a storage. All arithmetic is checked.
#include <functional>
#include <string_view>

#include "files/pickle.h"
#include "files/weight_source.h"

namespace dq::files {

// Where a storage's numbers lie, and how many bytes there are.
struct StorageBytes {
  std::uint64_t offset = 0, bytes = 0;
};

// Finds a storage by its key; throws kBadFile when it is absent. `expected` is its size by the pickle.
using FindStorage = std::function<StorageBytes(std::string_view key, std::uint64_t expected)>;

// The dtype that a storage's elements are counted in; throws kUnsupported for complex and quantised ones.
DType storage_dtype(const PickleTree& tree, const PickleValue& storage);
std::uint64_t storage_elements(const PickleTree& tree, const PickleValue& storage);

// The entry of a kTensor value, without its name. Throws kBadFile when the storage has another size than the
// pickle says, or the view leaves it: offset + Σ (size − 1)·stride must be below the storage's elements.
TensorEntry place_tensor(const PickleTree& tree, const PickleValue& tensor, const FindStorage& find_storage);

}  // namespace dq::files
