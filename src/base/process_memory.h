#pragma once
// Memory of this process as the kernel counts it, for benchmarks and for tests that bound it.
#include <cstdint>

namespace dq {

std::int64_t resident_bytes();            // now
std::int64_t resident_anonymous_bytes();  // of these, not backed by files
std::int64_t peak_resident_bytes();       // the most so far (VmHWM)
void reset_peak_resident();               // forgets the peak (Linux ≥ 4.0)

}  // namespace dq
