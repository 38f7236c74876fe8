/* Stands in for Cambricon's libcndev.so with two MLU370-X8.

   API is the newest version of the structs that it serves; below 6 it has the functions of that time only. */
#include <stdint.h>
#include <string.h>

#ifndef API
#define API 6
#endif

typedef struct { int version; unsigned number; } card_info;
typedef struct { int version; unsigned mcu_major, mcu_minor, mcu_build, driver_major, driver_minor, driver_build; } version_info;
typedef struct {
    int version;
    int64_t physical_total, physical_used, virtual_total, virtual_used, channels, channel_used[20];
} memory_info;
typedef struct {
    int64_t physical_total, physical_used, reserved, virtual_total, virtual_used;
    uint64_t global, rest[16];
} memory_info_v2;
typedef struct {
    int version;
    unsigned subsystem, device_id;
    uint16_t vendor, subsystem_vendor;
    unsigned domain, bus, device, function;
    const char *slot;
    int slot_id;
} pcie_info;
typedef struct {
    uint32_t subsystem, device_id;
    uint16_t vendor, subsystem_vendor;
    uint32_t domain, bus, device, function;
    uint16_t module, slot;
    uint32_t rest[8];
} pcie_info_v2;
typedef struct { int version, health, device_state, driver_state; } health_state;

int cndevInit(int reserved)
{
#ifdef FAILS
    return 1;
#else
    return reserved;
#endif
}

int cndevGetDeviceCount(card_info *info)
{
    if (info->version > API)
        return 3;
#ifdef NONSENSE
    info->number = 4294967295u;
#else
    info->number = 2;
#endif
    return 0;
}

int cndevGetVersionInfo(version_info *info, int device)
{
    if (info->version != API)
        return 3;
    info->driver_major = 5;
    info->driver_minor = 10;
    info->driver_build = 13;
    return 0;
}

int cndevGetCardHealthState(health_state *state, int device)
{
    if (state->version != API)
        return 3;
    state->health = device % 100 == 0;
    return 0;
}

#if API >= 6
int cndevGetDeviceHandleByIndex(int index, int *handle)
{
    *handle = 100 + index;
    return 0;
}

const char *cndevGetCardNameStringByDevId(int device) { return device >= 100 ? "MLU370-X8" : "wrong handle"; }

int cndevGetMemoryUsageV2(memory_info_v2 *memory, int device)
{
    memory->physical_total = 23374;
    return 0;
}

int cndevGetPCIeInfoV2(pcie_info_v2 *pcie, int device)
{
    memset(pcie, 0, sizeof *pcie);
    pcie->vendor = 0xcabc;
    pcie->bus = 0x39 + device % 100;
    return 0;
}
#else
const char *getCardNameStringByDevId(int device) { return "MLU370-X8"; }

int cndevGetMemoryUsage(memory_info *memory, int device)
{
    if (memory->version != API)
        return 3;
    memory->physical_total = 23374;
    return 0;
}

int cndevGetPCIeInfo(pcie_info *pcie, int device)
{
    if (pcie->version != API)
        return 3;
    pcie->vendor = 0xcabc;
    pcie->bus = 0x39 + device;
    pcie->slot = "7";
    return 0;
}
#endif
