#pragma once
// Takes a file apart into denoiser, VAE, text encoders and leftovers.
#include <optional>

#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {

struct FoundPart {
  Part part;
  Role role = Role::kUnknown;
  const Ecosystem* ecosystem = nullptr;  // of a denoiser
  const Signature* signature = nullptr;  // of a denoiser
  const SharedKind* shared = nullptr;    // of the others
  std::string layout;
  std::vector<std::string> evidence;
  weights::TensorTable denoiser;  // its tensors in the names that the signature used
};

std::vector<FoundPart> find_parts(const weights::TensorTable& table, const Names& names);

// Counts of a whole table: parameters without EMA copy and leftovers; types, largest first.
void count_whole(const weights::TensorTable& table, Recognition& found);

// The signature of a denoiser, asked of its own names (a U-Net may be in either layout).
std::optional<FoundPart> match_denoiser(const weights::TensorTable& table, const Names& names);

}  // namespace dq::models::recognised
