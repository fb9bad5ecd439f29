// Generated from src/executor/layout.json by `npm run generate`.
#pragma once

#include <cstdint>

namespace moirai::layout {

inline constexpr uint32_t kSlotBytes = 64;
inline constexpr uint32_t kInlineBytes = 32;
inline constexpr uint32_t kBlockHeaderBytes = 8;
inline constexpr uint32_t kStateOffset = 0;
inline constexpr uint32_t kTaskOffset = 4;
inline constexpr uint32_t kWorkerOffset = 8;
inline constexpr uint32_t kKindOffset = 10;
inline constexpr uint32_t kIdHighOffset = 11;
inline constexpr uint32_t kLengthOffset = 12;
inline constexpr uint32_t kBlockOffset = 16;
inline constexpr uint32_t kGenerationOffset = 20;
inline constexpr uint32_t kTimesOffset = 24;
inline constexpr uint32_t kInlineOffset = 32;
inline constexpr uint32_t kCancelRequestedBit = 8;
inline constexpr uint32_t kPriorityBit = 16;
inline constexpr uint32_t kHasContextBit = 24;
inline constexpr uint32_t kMeasuredBit = 25;
inline constexpr uint32_t kTimedBit = 26;
inline constexpr uint32_t kHintedBit = 27;
inline constexpr uint32_t kPriorityCritical = 0;
inline constexpr uint32_t kPriorityHigh = 1;
inline constexpr uint32_t kPriorityNormal = 2;
inline constexpr uint32_t kPriorityLow = 3;
inline constexpr uint32_t kPriorityIdle = 4;
inline constexpr uint32_t kPriorities = 5;
inline constexpr uint32_t kPhaseFree = 0;
inline constexpr uint32_t kPhaseQueued = 1;
inline constexpr uint32_t kPhaseRunning = 2;
inline constexpr uint32_t kPhaseAwaitingPort = 3;
inline constexpr uint32_t kPhaseDone = 4;
inline constexpr uint32_t kPhaseFailed = 5;
inline constexpr uint32_t kPhaseCancelled = 6;
inline constexpr uint32_t kKindEmpty = 0;
inline constexpr uint32_t kKindEncoded = 1;
inline constexpr uint32_t kKindPort = 2;

}  // namespace moirai::layout
