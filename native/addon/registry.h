// The process's executors by number, so that a worker thread finds the one it was created for.
// The only mutable state of the process beside CpuShare.
#pragma once

#include <cstdint>

#include "core/base/ref.h"
#include "core/executor/scheduler.h"

namespace moirai::addon {

uint32_t RegisterScheduler(const Ref<Scheduler>& scheduler);
Ref<Scheduler> FindScheduler(uint32_t id);  // empty when it was closed
void UnregisterScheduler(uint32_t id);

}  // namespace moirai::addon
