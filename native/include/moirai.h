/* Native ticks for moirai's real-time contexts: what another addon includes to give a C function
 * that RealtimeContext.nativePeriodic calls periodically, on a real-time thread without JavaScript.
 * Plain C, and nothing to link with.
 *
 * In the addon's binding.gyp:
 *
 *   "include_dirs": ["<!(node -p \"path.dirname(require.resolve('moirai/moirai.h'))\")"]
 *
 * In the addon:
 *
 *   static int control(const moirai_tick* tick, void* data) {
 *     double set_point;
 *     while (tick->try_receive(tick, 0, &set_point, sizeof(set_point)) > 0) plant.wanted =
 * set_point;
 *     ...
 *     tick->try_send(tick, 1, &plant.position, sizeof(plant.position));
 *     return 0;
 *   }
 *   static const moirai_tick_definition definition = MOIRAI_TICK("control", control, NULL);
 *   ... in the module's init:
 *   napi_value value;
 *   moirai_create_tick(env, &definition, &value);
 *   napi_set_named_property(env, exports, "control", value);
 *
 * In JavaScript:
 *
 *   const task = rt.nativePeriodic(addon.control, { periodUs: 1000, channels: [receiver, sender]
 * });
 *
 * A tick must not block, wait for a lock that an ordinary thread may hold, call Node-API or V8, or
 * throw C++ exceptions. It should not allocate memory.
 *
 * Compatibility: a later version of this header adds fields at the ends of the structs and keeps
 * MOIRAI_ABI; `size` says how far a struct goes. A definition of another ABI is refused. */
#ifndef MOIRAI_H
#define MOIRAI_H

#include <stdint.h>
/* Defined: the structs alone, for code that is compiled without Node's headers. */
#ifndef MOIRAI_WITHOUT_NODE_API
#include <node_api.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define MOIRAI_ABI 1

typedef struct moirai_tick moirai_tick;

/* What try_send and try_receive give; above 0: done. */
#define MOIRAI_DONE 1
#define MOIRAI_NOT_NOW 0       /* no room, or no message */
#define MOIRAI_DISCONNECTED -2 /* every end of the other side has closed, and nothing is left */
#define MOIRAI_CORRUPT -3      /* the channel's memory holds what no end has written */
#define MOIRAI_MISUSE -4 /* no such channel, the other direction, or another size of message */

/* Valid until the function returns, and on its thread alone. Times are ns of CLOCK_MONOTONIC. */
struct moirai_tick {
  uint32_t size; /* of this struct */
  uint32_t abi;
  uint64_t number;      /* from 1; releases that were skipped do not count */
  uint64_t expected_ns; /* when it was due */
  uint64_t actual_ns;   /* when its thread came to it */

  /* The option `memory`: shared with JavaScript. NULL and 0 without it. */
  void* memory;
  uint64_t memory_bytes;

  /* The option `channels`, numbered from 0. A message is copied; `bytes` must be the size of the
   * channel's messages: 8 for f64(), 4 for u32(), that of the C struct for struct(), rounded up
   * to 4. Bounded, without a lock; a system call only where JavaScript waits at the other end. */
  int (*try_send)(const moirai_tick* tick, uint32_t channel, const void* message, uint32_t bytes);
  int (*try_receive)(const moirai_tick* tick, uint32_t channel, void* message, uint32_t bytes);

  /* For the option `phaseLock`: expected_ns is by so much later than the beat of the outside clock.
   */
  void (*adjust)(const moirai_tick* tick, int64_t late_ns);

  void* reserved;
};

/* 0: go on. Anything else ends the task; its owner's onError hears of the number. */
typedef int (*moirai_tick_function)(const moirai_tick* tick, void* data);

/* Lives, as `data` does, until every task of it is over. */
typedef struct moirai_tick_definition {
  uint32_t size; /* of this struct */
  uint32_t abi;
  const char* name; /* PeriodicTask.name */
  moirai_tick_function function;
  void* data; /* the second argument */
} moirai_tick_definition;

#define MOIRAI_TICK(name, function, data) \
  { sizeof(moirai_tick_definition), MOIRAI_ABI, name, function, data }

/* By this tag a value is known to be a moirai_tick_definition. */
#define MOIRAI_TICK_TAG_LOWER 0x6d6f697261695f74ULL
#define MOIRAI_TICK_TAG_UPPER 0x69636b5f64656601ULL

#ifndef MOIRAI_WITHOUT_NODE_API
/* The value for nativePeriodic. It has no owner: the definition must outlive it. */
static inline napi_status moirai_create_tick(napi_env env, const moirai_tick_definition* definition,
                                             napi_value* result) {
  const napi_type_tag tag = {MOIRAI_TICK_TAG_LOWER, MOIRAI_TICK_TAG_UPPER};
  napi_status status = napi_create_external(env, (void*)definition, NULL, NULL, result);
  if (status != napi_ok) return status;
  return napi_type_tag_object(env, *result, &tag);
}
#endif

#ifdef __cplusplus
}
#endif

#endif
