/* Stands in for libze_loader.so.1 with a card of two modules of memory, one that tells only what can be allocated, and a
   processor (NPU) that is no GPU. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    uint32_t stype;
    void *next;
    uint32_t type, vendor, device, flags, subdevice, clock;
    uint64_t largest;
    uint32_t contexts, priority, threads, width, units, subslices, slices;
    uint64_t resolution;
    uint32_t bits, kernel_bits;
    uint8_t uuid[16];
    char name[256];
} core_properties;
typedef struct {
    uint32_t stype;
    void *next;
    core_properties core;
    uint32_t subdevices;
    char serial[64], board[64], brand[64], model[64], vendor[64], driver[64];
} device_properties;
typedef struct {
    uint32_t stype;
    void *next;
    struct { uint32_t domain, bus, device, function; } address;
    struct { int32_t generation, width; int64_t bandwidth; } speed;
    uint8_t counters[3];
} pci_properties;
typedef struct {
    uint32_t stype;
    void *next;
    uint32_t type;
    uint8_t on_subdevice;
    uint32_t subdevice;
    uint32_t location;
    uint64_t size;
    int32_t width, channels;
} memory_properties;
typedef struct { uint32_t stype; const void *next; uint32_t health; uint64_t free, size; } memory_state;
struct thing { int number; };

static struct thing driver, devices[3] = {{0}, {1}, {2}}, modules[4] = {{0}, {1}, {2}, {3}};

int zesInit(uint32_t flags)
{
#ifdef FAILS
    return 0x78000001;
#else
    return flags;
#endif
}

static int list(uint32_t *count, struct thing **found, struct thing *first, uint32_t number)
{
    if (found != NULL)
        for (uint32_t place = 0; place < number && place < *count; place++)
            found[place] = &first[place];
    *count = number;
    return 0;
}

int zesDriverGet(uint32_t *count, struct thing **drivers) { return list(count, drivers, &driver, 1); }

int zesDeviceGet(struct thing *of, uint32_t *count, struct thing **found)
{
#ifdef NONSENSE
    *count = 1u << 31;
    return 0;
#else
    return of == &driver ? list(count, found, devices, 3) : 1;
#endif
}

int zesDeviceGetProperties(struct thing *of, device_properties *properties)
{
    if (properties->stype != 0x1)
        return 0x78000004;
    properties->core.type = of->number == 2 ? 5 : 1;
    properties->core.vendor = 0x8086;
    strcpy(properties->core.name, of->number == 0 ? "Intel(R) Data Center GPU Max 1100" : "Intel(R) Arc(TM) A770 Graphics");
    strcpy(properties->driver, "I915_23.10");
    return 0;
}

int zesDevicePciGetProperties(struct thing *of, pci_properties *properties)
{
    if (properties->stype != 0x2)
        return 0x78000004;
    properties->address.bus = 0x29 + of->number;
    return 0;
}

int zesDeviceEnumMemoryModules(struct thing *of, uint32_t *count, struct thing **found)
{
    return of->number == 0 ? list(count, found, modules, 3) : list(count, found, &modules[3], 1);
}

int zesMemoryGetProperties(struct thing *of, memory_properties *properties)
{
    if (properties->stype != 0xb)
        return 0x78000004;
    properties->location = of->number != 2; /* the third is memory of the host */
    properties->size = of->number == 3 ? 0 : 24ULL << 30;
    return 0;
}

int zesMemoryGetState(struct thing *of, memory_state *state)
{
    if (state->stype != 0x1e)
        return 0x78000004;
    state->free = 1;
    state->size = 16288ULL << 20;
    return 0;
}
