/* Stands in for libnvidia-ml.so.1 with two devices, of which the second fell off the bus. */
#include <stdio.h>
#include <string.h>

#define SUCCESS 0
#define NOT_SUPPORTED 3
#define GPU_IS_LOST 15

typedef struct {
    char busIdLegacy[16];
    unsigned int domain, bus, device, pciDeviceId, pciSubSystemId;
    char busId[32];
} Pci;

typedef struct {
    unsigned long long total, free, used;
} Memory;

static int first;

int nvmlInitWithFlags(unsigned int flags) { return flags == 0 ? SUCCESS : NOT_SUPPORTED; }
const char *nvmlErrorString(int code) { return code == GPU_IS_LOST ? "GPU is lost" : "Unknown Error"; }

int nvmlSystemGetDriverVersion(char *text, unsigned int length) {
    snprintf(text, length, "570.124.06");
    return SUCCESS;
}

int nvmlSystemGetCudaDriverVersion_v2(int *version) {
    *version = 12080;
    return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned int *count) {
    *count = 2;
    return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **handle) {
    *handle = &first;
    return index == 0 ? SUCCESS : GPU_IS_LOST;
}

int nvmlDeviceGetName(void *handle, char *text, unsigned int length) {
    snprintf(text, length, "NVIDIA H100 80GB HBM3");
    return SUCCESS;
}

int nvmlDeviceGetPciInfo_v3(void *handle, Pci *pci) {
    memset(pci, 0, sizeof *pci);
    pci->pciDeviceId = 0x233010de;
    snprintf(pci->busId, sizeof pci->busId, "00000000:1B:00.0");
    return SUCCESS;
}

int nvmlDeviceGetCudaComputeCapability(void *handle, int *major, int *minor) {
    *major = 9;
    *minor = 0;
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo(void *handle, Memory *memory) {
    memory->total = 85520809984ULL;
    memory->free = memory->used = 0;
    return SUCCESS;
}

int nvmlDeviceGetMinorNumber(void *handle, unsigned int *minor) {
    *minor = 0;
    return SUCCESS;
}

int nvmlDeviceGetPersistenceMode(void *handle, unsigned int *mode) {
    *mode = PERSISTENT;
    return SUCCESS;
}
