/* Stands in for Kunlunxin's libxpuml.so: two devices that it lists in another order than their nodes are numbered. */
#include <stdio.h>
#include <string.h>

struct device { int number; };
typedef struct {
    unsigned int domain, bus, device, function, device_id, subsystem;
    char bus_id[32];
    unsigned long long reserved[9];
} pci_info;
typedef struct {
    unsigned long long global_page, global_total, global_free, global_used, cache_page, cache_total, cache_free, cache_used;
    unsigned long long reserved[8];
} memory_info;

static struct device devices[2] = {{1}, {0}};

int xpumlInit(void)
{
#ifdef FAILS
    return 9;
#else
    return 0;
#endif
}

int xpumlSystemGetDriverVersion(char *version, unsigned int length)
{
    snprintf(version, length, "5.0.21.26");
    return 0;
}

int xpumlDeviceGetCount(unsigned int *count)
{
#ifdef NONSENSE
    *count = 4097;
#else
    *count = 2;
#endif
    return 0;
}

int xpumlDeviceGetHandleByIndex(unsigned int index, struct device **device)
{
    *device = &devices[index];
    return 0;
}

int xpumlDeviceGetId(struct device *device, int *number)
{
    *number = device->number;
    return 0;
}

int xpumlDeviceGetPciInfo(struct device *device, pci_info *pci)
{
    memset(pci, 0, sizeof *pci);
    pci->bus = 0x52 + device->number;
    return 0;
}

int xpumlDeviceGetMemoryInfo(struct device *device, memory_info *memory)
{
    memset(memory, 0, sizeof *memory);
    memory->global_page = 131072;
    memory->global_total = 98304ULL << 20;
    memory->cache_total = 96ULL << 20;
    return 0;
}
