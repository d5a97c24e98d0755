//go:build cuda

#include "driver.h"

#include <string.h>

#define CURRENT(ctx)                            \
	do {                                        \
		CUresult rc_ = cuCtxSetCurrent(ctx);    \
		if (rc_ != CUDA_SUCCESS) return rc_;    \
	} while (0)

#define TRY(call)                               \
	do {                                        \
		CUresult rc_ = (call);                  \
		if (rc_ != CUDA_SUCCESS) return rc_;    \
	} while (0)

int octorl_context(int device, CUcontext *ctx) { return cuDevicePrimaryCtxRetain(ctx, device); }

int octorl_current(CUcontext ctx) { return cuCtxSetCurrent(ctx); }

const char *octorl_error_name(int code) {
	const char *s = 0;
	return cuGetErrorName((CUresult)code, &s) == CUDA_SUCCESS && s ? s : "unknown error";
}

const char *octorl_error_text(int code) {
	const char *s = 0;
	return cuGetErrorString((CUresult)code, &s) == CUDA_SUCCESS && s ? s : "no description";
}

int octorl_max_shared(CUcontext ctx, CUfunction f, int bytes) {
	CURRENT(ctx);
	return cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, bytes);
}

int octorl_clusters(CUcontext ctx, CUfunction f, unsigned cluster, unsigned threads, unsigned shared, int *count) {
	CUlaunchConfig config = {
		.gridDimX = cluster, .gridDimY = 1, .gridDimZ = 1,
		.blockDimX = threads, .blockDimY = 1, .blockDimZ = 1,
		.sharedMemBytes = shared,
	};
	CURRENT(ctx);
	return cuOccupancyMaxActiveClusters(count, f, &config);
}

int octorl_param(CUcontext ctx, CUfunction f, size_t index, size_t *bytes) {
	size_t offset;
	CURRENT(ctx);
	return cuFuncGetParamInfo(f, index, &offset, bytes);
}

int octorl_launch(CUcontext ctx, CUfunction f, unsigned x, unsigned y, unsigned z, unsigned threads,
                  unsigned shared, CUstream s, void **params) {
	CURRENT(ctx);
	return cuLaunchKernel(f, x, y, z, threads, 1, 1, shared, s, params, 0);
}

int octorl_tensor_map(void *map, int type, unsigned rank, uint64_t address, const uint64_t *dims,
                      const uint64_t *strides, const uint32_t *box, int swizzle) {
	static const CUtensorMapDataType types[] = {CU_TENSOR_MAP_DATA_TYPE_FLOAT32, CU_TENSOR_MAP_DATA_TYPE_INT32,
	                                            CU_TENSOR_MAP_DATA_TYPE_BFLOAT16};
	CUtensorMapSwizzle mode = swizzle == 128  ? CU_TENSOR_MAP_SWIZZLE_128B
	                          : swizzle == 64 ? CU_TENSOR_MAP_SWIZZLE_64B
	                          : swizzle == 32 ? CU_TENSOR_MAP_SWIZZLE_32B
	                                          : CU_TENSOR_MAP_SWIZZLE_NONE;
	cuuint32_t steps[5] = {1, 1, 1, 1, 1};
	CUtensorMap aligned; // has the alignment that the driver asks for
	CUresult rc = cuTensorMapEncodeTiled(&aligned, types[type], rank, (void *)(uintptr_t)address, dims, strides, box,
	                                     steps, CU_TENSOR_MAP_INTERLEAVE_NONE, mode,
	                                     CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
	memcpy(map, &aligned, sizeof aligned);
	return rc;
}

int octorl_pool(CUcontext ctx, int device) {
	CUmemoryPool pool;
	cuuint64_t keep = UINT64_MAX; // freed memory stays with us
	CURRENT(ctx);
	TRY(cuDeviceGetMemPool(&pool, device));
	return cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &keep);
}

int octorl_pool_bytes(CUcontext ctx, int device, uint64_t *used, uint64_t *peak) {
	CUmemoryPool pool;
	cuuint64_t u, p;
	CURRENT(ctx);
	TRY(cuDeviceGetMemPool(&pool, device));
	TRY(cuMemPoolGetAttribute(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT, &u));
	TRY(cuMemPoolGetAttribute(pool, CU_MEMPOOL_ATTR_USED_MEM_HIGH, &p));
	*used = u;
	*peak = p;
	return CUDA_SUCCESS;
}

int octorl_alloc(CUcontext ctx, CUstream s, size_t bytes, CUdeviceptr *p) {
	CURRENT(ctx);
	TRY(cuMemAllocAsync(p, bytes, s));
	return cuMemsetD8Async(*p, 0, bytes, s);
}

int octorl_alloc_now(CUcontext ctx, CUstream side, size_t bytes, CUdeviceptr *p) {
	CURRENT(ctx);
	TRY(cuMemAllocAsync(p, bytes, side));
	return cuStreamSynchronize(side);
}

int octorl_free(CUcontext ctx, CUstream s, CUdeviceptr p) {
	CURRENT(ctx);
	return cuMemFreeAsync(p, s);
}

int octorl_pinned(CUcontext ctx, size_t bytes, void **p) {
	CURRENT(ctx);
	return cuMemHostAlloc(p, bytes, CU_MEMHOSTALLOC_PORTABLE);
}

int octorl_unpin(CUcontext ctx, void *p) {
	CURRENT(ctx);
	return cuMemFreeHost(p);
}

int octorl_memory(CUcontext ctx, size_t *free_bytes, size_t *total_bytes) {
	CURRENT(ctx);
	return cuMemGetInfo(free_bytes, total_bytes);
}

int octorl_upload(CUcontext ctx, CUstream s, CUdeviceptr to, const void *from, size_t bytes) {
	CURRENT(ctx);
	return cuMemcpyHtoDAsync(to, from, bytes, s);
}

int octorl_download(CUcontext ctx, CUstream s, void *to, CUdeviceptr from, size_t bytes) {
	CURRENT(ctx);
	return cuMemcpyDtoHAsync(to, from, bytes, s);
}

int octorl_copy(CUcontext ctx, CUstream s, CUdeviceptr to, CUdeviceptr from, size_t bytes) {
	CURRENT(ctx);
	return cuMemcpyDtoDAsync(to, from, bytes, s);
}

int octorl_set(CUcontext ctx, CUstream s, CUdeviceptr to, uint32_t value, int width, size_t n) {
	CURRENT(ctx);
	return width == 2 ? cuMemsetD16Async(to, (unsigned short)value, n, s) : cuMemsetD32Async(to, value, n, s);
}

int octorl_record(CUcontext ctx, CUevent e, CUstream s) {
	CURRENT(ctx);
	return cuEventRecord(e, s);
}

int octorl_reached(CUcontext ctx, CUevent e) {
	CURRENT(ctx);
	return cuEventQuery(e);
}

int octorl_await(CUcontext ctx, CUevent e) {
	CURRENT(ctx);
	return cuEventSynchronize(e);
}

int octorl_drain(CUcontext ctx, CUstream s) {
	CURRENT(ctx);
	return cuStreamSynchronize(s);
}

int octorl_capture(CUcontext ctx, CUstream s) {
	CURRENT(ctx);
	// Relaxed: calls come from whichever thread Go runs the caller on.
	return cuStreamBeginCapture(s, CU_STREAM_CAPTURE_MODE_RELAXED);
}

int octorl_captured(CUcontext ctx, CUstream s, CUgraphExec *exec) {
	CUgraph graph = 0;
	CURRENT(ctx);
	TRY(cuStreamEndCapture(s, &graph));
	CUresult rc = cuGraphInstantiate(exec, graph, 0);
	cuGraphDestroy(graph);
	if (rc != CUDA_SUCCESS) return rc;
	return cuGraphUpload(*exec, s);
}

int octorl_replay(CUcontext ctx, CUgraphExec exec, CUstream s) {
	CURRENT(ctx);
	return cuGraphLaunch(exec, s);
}

int octorl_forget(CUcontext ctx, CUgraphExec exec) {
	CURRENT(ctx);
	return cuGraphExecDestroy(exec);
}
