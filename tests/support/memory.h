#pragma once
// Resident memory of this process, for the tests that bound it.
#include <cstdint>

namespace dq::test {

std::int64_t resident_bytes();       // now
std::int64_t peak_resident_bytes();  // the most so far (VmHWM)
void reset_peak_resident();          // forgets the peak (Linux ≥ 4.0)

}  // namespace dq::test
