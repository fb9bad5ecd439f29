// Generated from src/base/error-table.json by `npm run generate`.
#pragma once

#include <cstdint>

namespace moirai {

enum class ErrorCode : uint8_t {
  kInvalidArgument,
  kCancelled,
  kTimeout,
  kClosed,
  kDisconnected,
  kQueueFull,
  kTaskNotFound,
  kTasksNotLoaded,
  kWorkerLost,
  kNotSerializable,
  kTooLarge,
  kNotSupported,
  kPermission,
  kOutOfMemory,
  kOwnerDied,
  kDeadlock,
  kWouldBlock,
  kDeadlineMissed,
  kNotSchedulable,
  kSystem,
  kNoRoute,
  kRemoteUnavailable,
  kRemoteOutcomeUnknown,
  kCorrupt,
  kLagged,
  kNoBinary,
  kTickFailed,
};

inline constexpr const char* kErrorCodeNames[] = {
    "ERR_MOIRAI_INVALID_ARGUMENT",
    "ERR_MOIRAI_CANCELLED",
    "ERR_MOIRAI_TIMEOUT",
    "ERR_MOIRAI_CLOSED",
    "ERR_MOIRAI_DISCONNECTED",
    "ERR_MOIRAI_QUEUE_FULL",
    "ERR_MOIRAI_TASK_NOT_FOUND",
    "ERR_MOIRAI_TASKS_NOT_LOADED",
    "ERR_MOIRAI_WORKER_LOST",
    "ERR_MOIRAI_NOT_SERIALIZABLE",
    "ERR_MOIRAI_TOO_LARGE",
    "ERR_MOIRAI_NOT_SUPPORTED",
    "ERR_MOIRAI_PERMISSION",
    "ERR_MOIRAI_OUT_OF_MEMORY",
    "ERR_MOIRAI_OWNER_DIED",
    "ERR_MOIRAI_DEADLOCK",
    "ERR_MOIRAI_WOULD_BLOCK",
    "ERR_MOIRAI_DEADLINE_MISSED",
    "ERR_MOIRAI_NOT_SCHEDULABLE",
    "ERR_MOIRAI_SYSTEM",
    "ERR_MOIRAI_NO_ROUTE",
    "ERR_MOIRAI_REMOTE_UNAVAILABLE",
    "ERR_MOIRAI_REMOTE_OUTCOME_UNKNOWN",
    "ERR_MOIRAI_CORRUPT",
    "ERR_MOIRAI_LAGGED",
    "ERR_MOIRAI_NO_BINARY",
    "ERR_MOIRAI_TICK_FAILED",
};

}  // namespace moirai
