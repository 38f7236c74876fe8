/* HGML of T-Head: NVML's functions under a prefix of its own, and one more field behind the address. */
#include "behaviour.h"

typedef void *hgmlDevice_t;
typedef struct { unsigned long long total, free, used; } hgmlMemory_t;
typedef struct {
    char busIdLegacy[16];
    unsigned int domain, bus, device, pciDeviceId, pciSubSystemId;
    char busId[32];
    unsigned int globalPpuId;
} hgmlPciInfo_t;

int hgmlInit_v2(void) {
    behave();
    return STATUS;
}

int hgmlDeviceGetCount_v2(unsigned int *count) {
    *count = COUNT;
    return 0;
}

int hgmlDeviceGetHandleByIndex_v2(unsigned int index, hgmlDevice_t *device) {
    *device = (void *)(size_t)(index + 1);
    return 0;
}

int hgmlDeviceGetName(hgmlDevice_t device, char *name, unsigned int length) {
    (void)device;
    say(name, length, "PPU-ZW810E");
    return 0;
}

int hgmlDeviceGetPciInfo(hgmlDevice_t device, hgmlPciInfo_t *pci) {
    pci->domain = 1;
    pci->bus = 0xa8 - ((size_t)device - 1);
    pci->pciDeviceId = 0x60001ded;
    pci->globalPpuId = UINT32_MAX;
    snprintf(pci->busIdLegacy, sizeof pci->busIdLegacy, "%04X:%02X:00.0", pci->domain, pci->bus);
    snprintf(pci->busId, sizeof pci->busId, "%08X:%02X:00.0", pci->domain, pci->bus);
    return 0;
}

int hgmlDeviceGetMemoryInfo(hgmlDevice_t device, hgmlMemory_t *memory) {
    (void)device;
    memory->total = bytes(96);
    return 0;
}

int hgmlSystemGetDriverVersion(char *version, unsigned int length) {
    say(version, length, "2.1.0-ra1f23041713");
    return 0;
}

int hgmlSystemGetHggcDriverVersion(int *version) {
    *version = 12030;
    return 0;
}
