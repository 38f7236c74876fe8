/* Stands in for Moore Threads' libmtml.so with an S80 and an S4000; LOST: the second does not answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { int opened; } library;
typedef struct { library *of; } sys;
typedef struct { library *of; unsigned int index; } device;
typedef struct { device *of; } memory;
typedef struct {
    char sbdf[32];
    unsigned int segment, bus, device, device_id, subsystem, bus_width;
    float max_speed, speed;
    unsigned int max_width, width, max_generation, generation;
    int reserved[6];
} pci_info;

static library opened = {1};
static sys the_system = {&opened};
static device devices[2] = {{&opened, 0}, {&opened, 1}};
static memory memories[2] = {{&devices[0]}, {&devices[1]}};

int mtmlLibraryInit(library **result)
{
#ifdef CRASHES
    abort();
#endif
    *result = &opened;
#ifdef FAILS
    return 1;
#else
    return 0;
#endif
}

int mtmlLibraryCountDevice(const library *of, unsigned int *count)
{
#ifdef NONSENSE
    *count = 1000000;
#else
    *count = 2;
#endif
    return of == &opened ? 0 : 2;
}

int mtmlLibraryInitSystem(const library *of, sys **result)
{
    *result = &the_system;
    return of == &opened ? 0 : 2;
}

int mtmlSystemGetDriverVersion(const sys *of, char *version, unsigned int length)
{
    if (of != &the_system || length < 80)
        return 6;
    strcpy(version, "2.7.0");
    return 0;
}

int mtmlLibraryInitDeviceByIndex(const library *of, unsigned int index, device **result)
{
    *result = &devices[index];
#ifdef LOST
    return index == 1 ? 3 : 0;
#else
    return of == &opened ? 0 : 2;
#endif
}

int mtmlDeviceGetName(const device *of, char *name, unsigned int length)
{
    snprintf(name, length, of->index == 0 ? "MTT S80" : "MTT S4000");
    return 0;
}

int mtmlDeviceGetPciInfo(const device *of, pci_info *pci)
{
    memset(pci, 0, sizeof *pci);
    snprintf(pci->sbdf, sizeof pci->sbdf, "00000000:%02x:00.0", 4 + of->index);
    return 0;
}

int mtmlDeviceInitMemory(const device *of, memory **result)
{
    *result = &memories[of->index];
    return 0;
}

int mtmlMemoryGetTotal(const memory *of, unsigned long long *total)
{
    *total = (of->of->index == 0 ? 16ULL : 48ULL) << 30;
    return 0;
}
