// As much of Node as the addon needs to be loaded and called where there is no Node: under musl's loader.
// Values are tagged and never freed; of libuv there is what starts, and an event loop that never turns.
// Prints a line for each thing tried and ends with code 1 at the first that is not as it should be.
//
//   host FILE.node
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "node_api.h"

#define FAIL(...) (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), exit(1))

// --- Values ---

typedef struct Property {
  char* name;
  struct napi_value__* value;
  struct Property* next;
} Property;

struct napi_value__ {
  napi_valuetype type;
  double number;
  char* text;
  Property* properties;
  napi_callback callback;
  void* data;   // of a function, a wrapped object, or a typed array's elements
  size_t length;  // of a typed array or an array
  int is_view;
  napi_typedarray_type view_type;
  napi_type_tag tag;
};

struct napi_env__ {
  void* instance_data;
  napi_value global;
  int failed;
};

struct napi_callback_info__ {
  size_t count;
  napi_value* arguments;
  napi_value self;
  void* data;
};

static napi_value make(napi_valuetype type) {
  napi_value value = calloc(1, sizeof(*value));
  value->type = type;
  return value;
}
static napi_value number(double of) {
  napi_value value = make(napi_number);
  value->number = of;
  return value;
}
static napi_value flag(int of) {
  napi_value value = make(napi_boolean);
  value->number = of != 0;
  return value;
}
static napi_value view(napi_typedarray_type type, void* data, size_t length) {
  napi_value value = make(napi_object);
  value->is_view = 1;
  value->view_type = type;
  value->data = data;
  value->length = length;
  return value;
}
static napi_value property(napi_value object, const char* name) {
  for (Property* p = object->properties; p != NULL; p = p->next) {
    if (strcmp(p->name, name) == 0) return p->value;
  }
  return NULL;
}

// --- Node-API: what the addon calls ---

#define API napi_status NAPI_CDECL
#define GIVE(value) return *result = (value), napi_ok

API napi_create_object(napi_env env, napi_value* result) { GIVE(make(napi_object)); }
API napi_create_array(napi_env env, napi_value* result) { GIVE(make(napi_object)); }
API napi_create_array_with_length(napi_env env, size_t length, napi_value* result) {
  GIVE(make(napi_object));
}
API napi_create_double(napi_env env, double value, napi_value* result) { GIVE(number(value)); }
API napi_create_int32(napi_env env, int32_t value, napi_value* result) { GIVE(number(value)); }
API napi_create_uint32(napi_env env, uint32_t value, napi_value* result) { GIVE(number(value)); }
API napi_create_int64(napi_env env, int64_t value, napi_value* result) {
  GIVE(number((double)value));
}
API napi_get_boolean(napi_env env, bool value, napi_value* result) { GIVE(flag(value)); }
API napi_get_undefined(napi_env env, napi_value* result) { GIVE(make(napi_undefined)); }
API napi_get_null(napi_env env, napi_value* result) { GIVE(make(napi_null)); }
API napi_get_global(napi_env env, napi_value* result) { GIVE(env->global); }
API napi_create_string_utf8(napi_env env, const char* text, size_t length, napi_value* result) {
  napi_value value = make(napi_string);
  value->text = length == NAPI_AUTO_LENGTH ? strdup(text) : strndup(text, length);
  GIVE(value);
}
API napi_create_function(napi_env env, const char* name, size_t length, napi_callback callback,
                         void* data, napi_value* result) {
  napi_value value = make(napi_function);
  value->callback = callback;
  value->data = data;
  GIVE(value);
}
API napi_set_named_property(napi_env env, napi_value object, const char* name, napi_value value) {
  Property* p = malloc(sizeof(*p));
  *p = (Property){strdup(name), value, object->properties};
  object->properties = p;
  return napi_ok;
}
API napi_get_named_property(napi_env env, napi_value object, const char* name, napi_value* result) {
  napi_value value = property(object, name);
  GIVE(value != NULL ? value : make(napi_undefined));
}
API napi_set_element(napi_env env, napi_value object, uint32_t index, napi_value value) {
  char name[16];
  snprintf(name, sizeof(name), "%u", index);
  if (index >= object->length) object->length = index + 1;
  return napi_set_named_property(env, object, name, value);
}
API napi_get_element(napi_env env, napi_value object, uint32_t index, napi_value* result) {
  char name[16];
  snprintf(name, sizeof(name), "%u", index);
  return napi_get_named_property(env, object, name, result);
}
API napi_get_array_length(napi_env env, napi_value array, uint32_t* result) {
  GIVE((uint32_t)array->length);
}
API napi_typeof(napi_env env, napi_value value, napi_valuetype* result) { GIVE(value->type); }
API napi_get_value_double(napi_env env, napi_value value, double* result) {
  if (value->type != napi_number) return napi_number_expected;
  GIVE(value->number);
}
API napi_get_value_int32(napi_env env, napi_value value, int32_t* result) {
  if (value->type != napi_number) return napi_number_expected;
  GIVE((int32_t)value->number);
}
API napi_get_value_uint32(napi_env env, napi_value value, uint32_t* result) {
  if (value->type != napi_number) return napi_number_expected;
  GIVE((uint32_t)value->number);
}
API napi_get_value_bool(napi_env env, napi_value value, bool* result) {
  if (value->type != napi_boolean) return napi_boolean_expected;
  GIVE(value->number != 0);
}
API napi_get_cb_info(napi_env env, napi_callback_info info, size_t* count, napi_value* arguments,
                     napi_value* self, void** data) {
  if (arguments != NULL) {
    for (size_t i = 0; i < *count; i++) {
      arguments[i] = i < info->count ? info->arguments[i] : make(napi_undefined);
    }
  }
  if (count != NULL) *count = info->count;
  if (self != NULL) *self = info->self;
  if (data != NULL) *data = info->data;
  return napi_ok;
}
API napi_get_typedarray_info(napi_env env, napi_value value, napi_typedarray_type* type,
                             size_t* length, void** data, napi_value* buffer, size_t* offset) {
  if (!value->is_view) return napi_invalid_arg;
  if (type != NULL) *type = value->view_type;
  if (length != NULL) *length = value->length;
  if (data != NULL) *data = value->data;
  return napi_ok;
}
API napi_set_instance_data(node_api_basic_env env, void* data, napi_finalize end, void* hint) {
  env->instance_data = data;
  return napi_ok;
}
API napi_get_instance_data(node_api_basic_env env, void** result) { GIVE(env->instance_data); }
API napi_create_reference(napi_env env, napi_value value, uint32_t count, napi_ref* result) {
  GIVE((napi_ref)value);
}
API napi_get_reference_value(napi_env env, napi_ref reference, napi_value* result) {
  GIVE((napi_value)reference);
}
API napi_wrap(napi_env env, napi_value object, void* data, napi_finalize end, void* hint,
              napi_ref* result) {
  object->data = data;
  if (result != NULL) *result = (napi_ref)object;
  return napi_ok;
}
API napi_type_tag_object(napi_env env, napi_value object, const napi_type_tag* tag) {
  object->tag = *tag;
  return napi_ok;
}
API napi_check_object_type_tag(napi_env env, napi_value object, const napi_type_tag* tag,
                               bool* result) {
  GIVE(memcmp(&object->tag, tag, sizeof(*tag)) == 0);
}
API napi_adjust_external_memory(node_api_basic_env env, int64_t change, int64_t* result) { GIVE(0); }
API napi_is_exception_pending(napi_env env, bool* result) { GIVE(false); }
static napi_status thrown(napi_env env, const char* code, const char* message) {
  fprintf(stderr, "thrown: %s %s\n", code != NULL ? code : "", message);
  env->failed = 1;
  return napi_ok;
}
API napi_throw_error(napi_env env, const char* c, const char* m) { return thrown(env, c, m); }
API napi_throw_type_error(napi_env env, const char* c, const char* m) { return thrown(env, c, m); }
API napi_throw_range_error(napi_env env, const char* c, const char* m) { return thrown(env, c, m); }
static int loop;
API napi_get_uv_event_loop(node_api_basic_env env, struct uv_loop_s** result) {
  GIVE((struct uv_loop_s*)&loop);
}

// Nothing is collected and no environment ends here, so these have nothing to do.
#define IDLE(name) \
  napi_status idle_##name(void) __asm__(#name); \
  napi_status idle_##name(void) { return napi_ok; }
IDLE(napi_add_env_cleanup_hook)
IDLE(napi_remove_env_cleanup_hook)
IDLE(napi_add_async_cleanup_hook)
IDLE(napi_remove_async_cleanup_hook)
IDLE(napi_add_finalizer)
IDLE(napi_delete_reference)
IDLE(napi_reference_ref)
IDLE(napi_reference_unref)
IDLE(napi_remove_wrap)
IDLE(napi_open_handle_scope)
IDLE(napi_close_handle_scope)

// The addon calls these in an event loop or for JavaScript's own objects: there are none.
#define ABSENT(name) \
  int absent_##name(void) __asm__(#name); \
  int absent_##name(void) { FAIL("%s is not there", #name); }
ABSENT(napi_call_function)
ABSENT(napi_make_callback)
ABSENT(napi_create_buffer_copy)
ABSENT(napi_create_external_arraybuffer)
ABSENT(napi_detach_arraybuffer)
ABSENT(napi_fatal_exception)
ABSENT(napi_get_and_clear_last_exception)
ABSENT(napi_get_value_string_utf8)
ABSENT(napi_get_value_external)
ABSENT(uv_backend_timeout)
ABSENT(uv_close)
ABSENT(uv_thread_create)
ABSENT(uv_thread_join)
#define STARTS(name) \
  int name(void) { return 0; }
STARTS(uv_check_init)
STARTS(uv_check_start)
STARTS(uv_idle_init)
STARTS(uv_idle_start)
STARTS(uv_idle_stop)
STARTS(uv_poll_init)
STARTS(uv_poll_start)
STARTS(uv_prepare_init)
STARTS(uv_prepare_start)
STARTS(uv_ref)
STARTS(uv_timer_init)
STARTS(uv_timer_start)
STARTS(uv_timer_stop)
STARTS(uv_unref)

typedef struct {
  void (*run)(void*);
  void* argument;
} Start;
static void* begin(void* start) {
  ((Start*)start)->run(((Start*)start)->argument);
  return NULL;
}
int uv_thread_create_ex(pthread_t* thread, const void* options, void (*run)(void*), void* argument) {
  Start* start = malloc(sizeof(*start));
  *start = (Start){run, argument};
  return pthread_create(thread, NULL, begin, start);
}

// --- The program ---

typedef napi_value (*Register)(napi_env, napi_value);
static Register start_addon;

static napi_value call(napi_env env, napi_value object, const char* name, size_t count, ...) {
  napi_value arguments[8];
  va_list list;
  va_start(list, count);
  for (size_t i = 0; i < count; i++) arguments[i] = va_arg(list, napi_value);
  va_end(list);
  napi_value function = property(object, name);
  if (function == NULL || function->callback == NULL) FAIL("there is no function %s", name);
  struct napi_callback_info__ info = {count, arguments, object, function->data};
  napi_value result = function->callback(env, &info);
  if (env->failed) FAIL("%s has thrown", name);
  return result != NULL ? result : make(napi_undefined);
}

static void expect(const char* what, napi_value value, double wanted) {
  if ((value->type != napi_number && value->type != napi_boolean) || value->number != wanted) {
    FAIL("%s: %g of type %d instead of %g", what, value->number, value->type, wanted);
  }
}

static napi_value environment(napi_env* env) {
  *env = calloc(1, sizeof(**env));
  (*env)->global = make(napi_object);
  return start_addon(*env, make(napi_object));
}

static void* zeroed(size_t bytes) {
  return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static int32_t* words;
static pthread_barrier_t turn;

// Another thread with an environment of its own, as a Worker has: cannot have the mutex, then has it.
static void* contend(void* unused) {
  napi_env env;
  napi_value sync = property(environment(&env), "sync");
  napi_value domain = call(env, sync, "join", 2, number(-1), number(2));
  napi_value mutex = view(napi_int32_array, words, 1024);
  expect("lock of another's", call(env, sync, "lock", 3, domain, mutex, number(20)), 2);
  pthread_barrier_wait(&turn);  // refused
  pthread_barrier_wait(&turn);  // unlocked
  expect("lock after it", call(env, sync, "lock", 3, domain, mutex, number(1000)), 0);
  expect("unlock by the other", call(env, sync, "unlock", 2, domain, mutex), 1);
  return NULL;
}

static void try_mutex(napi_env env, napi_value exports) {
  words = zeroed(4096);
  pthread_barrier_init(&turn, NULL, 2);
  napi_value sync = property(exports, "sync");
  napi_value domain = call(env, sync, "join", 2, number(-1), number(2));
  napi_value mutex = view(napi_int32_array, words, 1024);
  expect("lock", call(env, sync, "lock", 3, domain, mutex, number(20)), 0);
  pthread_t other;
  if (pthread_create(&other, NULL, contend, NULL) != 0) FAIL("there is no second thread");
  pthread_barrier_wait(&turn);
  expect("unlock", call(env, sync, "unlock", 2, domain, mutex), 1);
  pthread_barrier_wait(&turn);
  pthread_join(other, NULL);
  printf("mutex: locked, refused to another thread, handed to it\n");
}

static void try_channel(napi_env env, napi_value exports) {
  const napi_value kind = number(1), capacity = number(64), bytes = number(8);
  const size_t size = (size_t)call(env, exports, "channelBytes", 3, kind, capacity, bytes)->number;
  const size_t pages = (size + 4095) / 4096 * 4096;
  napi_value memory = view(napi_uint8_array, zeroed(pages), pages);
  napi_value id = call(env, exports, "openChannel", 5, memory, kind, capacity, bytes, number(2));
  napi_value nothing = make(napi_function);
  napi_value sender = call(env, exports, "attachSender", 3, id, memory, nothing);
  napi_value receiver = call(env, exports, "attachReceiver", 4, id, memory, nothing, number(0));
  for (int i = 0; i < 50; i++) expect("send", call(env, sender, "sendF64", 1, number(i + 0.5)), 1);
  for (int i = 0; i < 50; i++) expect("receive", call(env, receiver, "receiveF64", 0), i + 0.5);
  if (call(env, receiver, "receiveF64", 0)->type != napi_undefined) FAIL("received too much");
  printf("channel: 50 numbers through\n");
}

static void try_memory(napi_env env, napi_value exports) {
  const size_t bytes = 1 << 20;
  static uint32_t node0[1];
  napi_value block = view(napi_uint8_array, zeroed(bytes), bytes);
  napi_value node = view(napi_uint32_array, node0, 1);
  napi_value memory = property(exports, "memory");
  const int error = (int)call(env, memory, "bind", 6, block, number(0), number(bytes), number(2), node,
                              number(0))->number;
  memset(block->data, 1, bytes);
  if (error == 0) printf("NUMA: 1 MiB bound to node 0\n");
  else printf("NUMA: mbind: %s\n", strerror(error));
}

static void try_probes(napi_env env, napi_value exports) {
  napi_value list = call(env, property(exports, "capabilities"), "probe", 1, number(0));
  // Instead of the list, the errno of the child's clone: emulators know no child that sends no signal.
  if (list->type == napi_number) printf("probes: clone: %s\n", strerror((int)list->number));
  for (uint32_t i = 0; i < list->length; i++) {
    napi_value probe;
    napi_get_element(env, list, i, &probe);
    const int error = (int)property(probe, "errno")->number;
    printf("probe %s: %s\n", property(probe, "name")->text, error == 0 ? "0" : strerror(error));
  }
}

int main(int count, char** arguments) {
  setvbuf(stdout, NULL, _IONBF, 0);
  if (count != 2) FAIL("host FILE.node");
  void* library = dlopen(arguments[1], RTLD_NOW);
  if (library == NULL) FAIL("%s", dlerror());
  start_addon = (Register)dlsym(library, "napi_register_module_v1");
  if (start_addon == NULL) FAIL("%s", dlerror());
  napi_env env;
  napi_value exports = environment(&env);
  int functions = 0;
  for (Property* p = exports->properties; p != NULL; p = p->next) functions++;
  printf("loaded: %d properties\n", functions);
  try_mutex(env, exports);
  try_channel(env, exports);
  try_memory(env, exports);
  try_probes(env, exports);
  printf("smoke test: passed\n");
  return 0;
}
