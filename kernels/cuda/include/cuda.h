// Comes before the toolkit's own cuda.h on the include path (CGO_CFLAGS in the
// Makefile) so that gorgonia.org/cu, written for CUDA 12, compiles with the
// headers of CUDA 13 too: names that changed their signatures mean the older
// entry points again, which the driver still exports.
#ifndef OCTORL_CUDA_H
#define OCTORL_CUDA_H

#include_next <cuda.h>

#if CUDA_VERSION >= 13000

#define CU_TARGET_COMPUTE_20 20
#define CU_TARGET_COMPUTE_21 21

#undef cuMemAdvise
#undef cuMemPrefetchAsync
#undef cuCtxCreate
#undef cuGraphAddDependencies
#undef cuGraphGetEdges
#undef cuGraphAddKernelNode
#undef cuGraphKernelNodeGetParams
#undef cuGraphKernelNodeSetParams
#define cuCtxCreate cuCtxCreate_v2
#define CUDA_KERNEL_NODE_PARAMS CUDA_KERNEL_NODE_PARAMS_v1

CUresult CUDAAPI cuMemAdvise(CUdeviceptr, size_t, CUmem_advise, CUdevice);
CUresult CUDAAPI cuMemPrefetchAsync(CUdeviceptr, size_t, CUdevice, CUstream);
CUresult CUDAAPI cuCtxCreate_v2(CUcontext *, unsigned int, CUdevice);
CUresult CUDAAPI cuGraphAddDependencies(CUgraph, const CUgraphNode *, const CUgraphNode *, size_t);
CUresult CUDAAPI cuGraphGetEdges(CUgraph, CUgraphNode *, CUgraphNode *, size_t *);
CUresult CUDAAPI cuGraphAddKernelNode(CUgraphNode *, CUgraph, const CUgraphNode *, size_t,
                                      const CUDA_KERNEL_NODE_PARAMS_v1 *);
CUresult CUDAAPI cuGraphKernelNodeGetParams(CUgraphNode, CUDA_KERNEL_NODE_PARAMS_v1 *);
CUresult CUDAAPI cuGraphKernelNodeSetParams(CUgraphNode, const CUDA_KERNEL_NODE_PARAMS_v1 *);

#endif
#endif
