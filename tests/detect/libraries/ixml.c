/* IXML of Iluvatar: NVML's functions under NVML's names, and its health. */
#include "behaviour.h"

typedef struct { struct nvmlDevice_st *handle; } nvmlDevice_t;
typedef struct { unsigned long long total, free, used; } nvmlMemory_t;
typedef struct { unsigned int version; unsigned long long total, reserved, free, used; } nvmlMemory_v2_t;
typedef struct {
    char busIdLegacy[16];
    unsigned int domain, bus, device, pciDeviceId, pciSubSystemId;
    char busId[32];
} nvmlPciInfo_t;

static size_t number(nvmlDevice_t device) { return (size_t)device.handle - 1; }

int nvmlInit_v2(void) {
    behave();
    return STATUS;
}

int nvmlDeviceGetCount_v2(unsigned int *count) {
    *count = COUNT;
    return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device) {
    device->handle = (void *)(size_t)(index + 1);
    return 0;
}

int nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned int length) {
    (void)device;
    say(name, length, "Iluvatar MR-V100");
    return 0;
}

int nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *pci) {
    pci->bus = 0x15 + number(device);
    pci->pciDeviceId = 0x00021e3e;
    snprintf(pci->busIdLegacy, sizeof pci->busIdLegacy, "0000:%02X:00.0", pci->bus);
    snprintf(pci->busId, sizeof pci->busId, "00000000:%02X:00.0", pci->bus);
#ifdef GARBLES
    memset(pci, 0xfe, sizeof *pci);
#endif
    return 0;
}

int nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory) {
#ifdef LOST
    if (number(device) == LOST) return 15;
#endif
#ifdef SECOND_FORM_ONLY
    return 3;
#endif
    (void)device;
    memory->total = bytes(32);
    return 0;
}

int nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory) {
#ifdef LOST
    if (number(device) == LOST) return 15;
#endif
    (void)device;
    if (memory->version != (2u << 24 | sizeof *memory)) return 25;
    memory->total = bytes(32);
    return 0;
}

int nvmlSystemGetDriverVersion(char *version, unsigned int length) {
    say(version, length, "4.4.0");
    return 0;
}

int ixmlDeviceGetHealth(nvmlDevice_t device, unsigned long long *health) {
#ifdef UNWELL
    *health = number(device) == UNWELL ? 4 : 0;
#else
    (void)device;
    *health = 0;
#endif
    return 0;
}
