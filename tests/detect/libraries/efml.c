/* Stands in for Enflame's libefml.so with two S60, of which the second is not well. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    char name[128];
    uint32_t vendor, device_id, domain, bus, device, function, logical;
} device_info;
typedef struct { uint64_t total; uint32_t used; } memory_info;

int EfmlInit(bool no_driver)
{
#ifdef FAILS
    return 6;
#else
    return no_driver ? 254 : 0;
#endif
}

int EfmlGetDriverVer(char *version)
{
    strcpy(version, "1.4.3.4");
    return 0;
}

int EfmlGetDevCount(uint32_t *count)
{
#ifdef NONSENSE
    *count = 65536;
#else
    *count = 2;
#endif
    return 0;
}

int EfmlGetDevName(uint32_t index, char *name)
{
    strcpy(name, "S60");
    return 0;
}

int EfmlGetDevInfo(uint32_t index, device_info *info)
{
    memset(info, 0, sizeof *info);
    strcpy(info->name, "gcu");
    info->vendor = 0x1e36;
    info->bus = 0x17 + index;
    return 0;
}

int EfmlGetDevMem(uint32_t index, memory_info *memory)
{
    memory->total = 42976ULL << 20;
    return 0;
}

int EfmlGetDevIsHealth(uint32_t index, bool *well)
{
    *well = index == 0;
    return 0;
}
