#pragma once
// Planned failures, so that tests can walk through every place where a disk may fail. A hook is passed in by
// the caller; there is none in the program itself.
#include <functional>

namespace dq {

enum class FaultPoint { kOpen, kWrite, kSync, kRename, kSyncFolder };

// Asked before each system call of that kind: 0 lets it happen, an errno value makes it fail so. May be
// empty.
using FaultHook = std::function<int(FaultPoint)>;

// A hook that lets `count` calls pass and fails all later ones.
inline FaultHook fail_after(int count, int error) {
  return [left = count, error](FaultPoint) mutable { return left-- > 0 ? 0 : error; };
}

}  // namespace dq
