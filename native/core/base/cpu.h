// What a spinning thread needs to know of its processor.
#pragma once

#include <cstddef>

namespace moirai {

// Data written by different threads is kept this far apart. Two lines on x86, whose prefetcher
// fetches pairs of 64-byte lines.
inline constexpr std::size_t kFalseSharingBytes = 128;

inline void CpuRelax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");  // "yield" is a no-op on most cores; isb waits some 20-40 ns.
#endif
}

}  // namespace moirai
