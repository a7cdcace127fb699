#pragma once
// From a pickle's tree to named tensors.
//
// Names. The keys on the way to a tensor are joined with '.': {"image_proj": {"proj.weight": T}} gives
// "image_proj.proj.weight"; list items count from 0; a lone tensor is called "tensor". Checkpoints often wrap
// their weights once: the first of state_dict, params_ema, params, model_state_dict, module that is a
// dictionary with tensors in it, at the top, is left out of the names, and tensors beside it (optimiser
// states, a second copy) are left out of the result. "model" is such a wrapper only when it holds all tensors
// of the file.
//
// Plain text, numbers and truth values become metadata under the same names ("epoch", "string_to_token.*").
#include "files/parsed_weights.h"
#include "files/pickle.h"
#include "files/torch_tensor.h"

namespace dq::files {

// Throws kBadFile (a view that leaves its storage, a bad name) and kUnsupported (complex and quantised
// numbers, a pickle that is a Python object as a whole).
ParsedWeights read_checkpoint(const PickleTree& tree, const FindStorage& find_storage);

}  // namespace dq::files
