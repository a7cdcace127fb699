#include "models/family.h"
#include "models/sd1/family.h"

namespace dq::models {

std::span<const Family* const> families() {
  static const std::array<const Family*, 1> all{&stable_diffusion_1()};
  return all;
}

const Family* find_family(std::string_view id) {
  for (const Family* family : families()) {
    if (family->id() == id) return family;
  }
  return nullptr;
}

}  // namespace dq::models
