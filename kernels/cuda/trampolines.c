//go:build cuda

// The names of the driver's entry points, as jumps through a table that is
// filled when the driver is opened. So the program links without the driver's
// library, and starts where there is none: every call then returns
// CUDA_ERROR_NOT_INITIALIZED, except that there are no devices. lib/libcuda.a,
// an archive of nothing, satisfies the -lcuda of gorgonia.org/cu.
//
// This file includes no cuda.h: it defines the same names without their types.

#include <dlfcn.h>
#include <stddef.h>

enum { not_initialized = 3 };

__attribute__((visibility("hidden"))) int octorl_missing(void) { return not_initialized; }

#define X(name) __attribute__((visibility("hidden"))) void *octorl_to_##name = (void *)octorl_missing;
#include "symbols.h"
#undef X

#if defined(__x86_64__)
#define X(name)                         \
	__asm__(".text\n"                   \
	        ".globl " #name "\n"        \
	        ".type " #name ", @function\n" \
	        #name ":\n"                 \
	        "\tjmp *octorl_to_" #name "(%rip)\n");
#elif defined(__aarch64__)
#define X(name)                         \
	__asm__(".text\n"                   \
	        ".globl " #name "\n"        \
	        ".type " #name ", %function\n" \
	        #name ":\n"                 \
	        "\tadrp x16, octorl_to_" #name "\n" \
	        "\tldr x16, [x16, :lo12:octorl_to_" #name "]\n" \
	        "\tbr x16\n");
#else
#error "octorl's CUDA device knows amd64 and arm64"
#endif
#include "symbols.h"
#undef X

static int (*device_count)(int *);

// cuInit is called when gorgonia.org/cu is initialized, in every process. It
// does nothing, so that verbs without a device start at once; octorl_load
// initializes the driver.
int cuInit(unsigned flags) {
	(void)flags;
	return 0;
}

int cuDeviceGetCount(int *count) {
	if (device_count) return device_count(count);
	*count = 0;
	return 0;
}

static const struct {
	const char *name;
	void **to;
} symbols[] = {
#define X(name) {#name, &octorl_to_##name},
#include "symbols.h"
#undef X
};

int octorl_load(const char **why) {
	void *lib = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!lib) {
		*why = dlerror();
		return -1;
	}
	int (*init)(unsigned) = (int (*)(unsigned))dlsym(lib, "cuInit");
	if (!init) {
		*why = "libcuda.so.1 has no cuInit";
		return -1;
	}
	for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
		void *at = dlsym(lib, symbols[i].name);
		if (at) *symbols[i].to = at;
	}
	device_count = (int (*)(int *))dlsym(lib, "cuDeviceGetCount");
	return init(0);
}
