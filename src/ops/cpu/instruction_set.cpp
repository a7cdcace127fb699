// Detection by CPUID and XGETBV (Intel SDM vol. 1, §14.3 and §15.2): an instruction set counts only when the
// operating system saves its registers on a context switch.
#include "ops/cpu/instruction_set.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "base/error.h"

namespace dq::ops {
namespace cpu {
namespace {

struct Leaf {
  std::uint32_t a = 0, b = 0, c = 0, d = 0;
};

Leaf leaf(std::uint32_t number, std::uint32_t sub) {
  Leaf r;
  if (__get_cpuid_count(number, sub, &r.a, &r.b, &r.c, &r.d) == 0) return {};
  return r;
}

// XCR0: which register states the operating system saves. Needs OSXSAVE.
std::uint64_t saved_states() {
  std::uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<std::uint64_t>(high) << 32) | low;
}

constexpr bool has_all(std::uint64_t bits, std::uint64_t wanted) {
  return (bits & wanted) == wanted;
}

constexpr std::uint32_t bit(int n) {
  return 1u << n;
}

// Linux lends the tile registers' state (component 18) only to processes that ask for it.
bool may_use_tiles() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, asm/prctl.h
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace

bool has_isa(Isa isa) {
  const Leaf basic = leaf(1, 0), extended = leaf(7, 0);
  // FMA 12, OSXSAVE 27, AVX 28, F16C 29; AVX2 is leaf 7, EBX 5.
  if (!has_all(basic.c, bit(12) | bit(27) | bit(28) | bit(29)) || !has_all(extended.b, bit(5))) return false;
  const std::uint64_t states = saved_states();
  if (!has_all(states, 0x6)) return false;  // SSE and AVX registers
  if (isa == Isa::kAvx2 || isa == Isa::kAuto) return true;
  // F 16, DQ 17, BW 30, VL 31; opmask and ZMM states 5 … 7.
  if (!has_all(extended.b, bit(16) | bit(17) | bit(30) | bit(31)) || !has_all(states, 0xe0)) return false;
  if (isa == Isa::kAvx512) return true;
  if (!has_all(leaf(7, 1).a, bit(5))) return false;
  if (isa == Isa::kAvx512Bf16) return true;
  // AMX-BF16 22, AMX-TILE 24 of leaf 7, EDX; tile configuration and data.
  return has_all(extended.d, bit(22) | bit(24)) && has_all(states, 0x60000) && may_use_tiles();
}

}  // namespace cpu

Isa best_isa() {
  for (const Isa isa : {Isa::kAmx, Isa::kAvx512Bf16, Isa::kAvx512, Isa::kAvx2}) {
    if (cpu::has_isa(isa)) return isa;
  }
  throw Error(ErrorCode::kUnsupported, "this processor has no AVX2, FMA and F16C")
      .hint("Danqing needs an x86-64 processor of 2013 or later.");
}

bool multiplies_bf16(Isa isa) {
  return isa == Isa::kAvx512Bf16 || isa == Isa::kAmx;
}

std::string to_string(Isa isa) {
  switch (isa) {
    case Isa::kAuto:
      return "auto";
    case Isa::kAvx2:
      return "AVX2";
    case Isa::kAvx512:
      return "AVX-512";
    case Isa::kAvx512Bf16:
      return "AVX512-BF16";
    case Isa::kAmx:
      return "AMX-BF16";
  }
  return "?";
}

}  // namespace dq::ops
