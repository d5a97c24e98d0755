// The part of the CUDA driver interface that gorgonia.org/cu lacks, one call a
// function, each of which first makes its context current on the calling
// thread. All return a CUresult as int.
#ifndef OCTORL_DRIVER_H
#define OCTORL_DRIVER_H

#include <cuda.h>
#include <stddef.h>
#include <stdint.h>

// octorl_load opens the driver and initializes it. It returns -1 where there is
// no driver, and then *why is a message that lives for ever.
int octorl_load(const char **why);

int octorl_context(int device, CUcontext *ctx);
int octorl_current(CUcontext ctx);
const char *octorl_error_name(int code);
const char *octorl_error_text(int code);

int octorl_max_shared(CUcontext ctx, CUfunction f, int bytes);
int octorl_clusters(CUcontext ctx, CUfunction f, unsigned cluster, unsigned threads, unsigned shared, int *count);
int octorl_param(CUcontext ctx, CUfunction f, size_t index, size_t *bytes);
int octorl_launch(CUcontext ctx, CUfunction f, unsigned x, unsigned y, unsigned z, unsigned threads,
                  unsigned shared, CUstream s, void **params);
int octorl_tensor_map(void *map, int type, unsigned rank, uint64_t address, const uint64_t *dims,
                      const uint64_t *strides, const uint32_t *box, int swizzle);

int octorl_pool(CUcontext ctx, int device);
int octorl_pool_bytes(CUcontext ctx, int device, uint64_t *used, uint64_t *peak);
int octorl_alloc(CUcontext ctx, CUstream s, size_t bytes, CUdeviceptr *p);
int octorl_alloc_now(CUcontext ctx, CUstream side, size_t bytes, CUdeviceptr *p);
int octorl_free(CUcontext ctx, CUstream s, CUdeviceptr p);
int octorl_pinned(CUcontext ctx, size_t bytes, void **p);
int octorl_unpin(CUcontext ctx, void *p);
int octorl_memory(CUcontext ctx, size_t *free_bytes, size_t *total_bytes);

int octorl_upload(CUcontext ctx, CUstream s, CUdeviceptr to, const void *from, size_t bytes);
int octorl_download(CUcontext ctx, CUstream s, void *to, CUdeviceptr from, size_t bytes);
int octorl_copy(CUcontext ctx, CUstream s, CUdeviceptr to, CUdeviceptr from, size_t bytes);
int octorl_set(CUcontext ctx, CUstream s, CUdeviceptr to, uint32_t value, int width, size_t n);

int octorl_record(CUcontext ctx, CUevent e, CUstream s);
int octorl_reached(CUcontext ctx, CUevent e);
int octorl_await(CUcontext ctx, CUevent e);
int octorl_drain(CUcontext ctx, CUstream s);

int octorl_capture(CUcontext ctx, CUstream s);
int octorl_captured(CUcontext ctx, CUstream s, CUgraphExec *exec);
int octorl_replay(CUcontext ctx, CUgraphExec exec, CUstream s);
int octorl_forget(CUcontext ctx, CUgraphExec exec);

#endif
