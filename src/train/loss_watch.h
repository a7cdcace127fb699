#pragma once
// Watches the loss for a run that falls apart without becoming infinite.
#include <span>

namespace dq::train {

// Losses of single steps are noisy: they depend on the noise level. So means are compared: has that of the
// last 20 steps become more than three times that of the 100 before them? False while there are too few.
bool has_spiked(std::span<const float> losses);
// The same of the last 5 steps: not sure enough to go back, but no moment to save at.
bool may_spike(std::span<const float> losses);

}  // namespace dq::train
