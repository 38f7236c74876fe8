/* Stands in for MetaX' libmxsml.so with a C500 that is well, one that is not available, and the physical function of a
   card that is cut into virtual ones. */
#include <stdio.h>
#include <string.h>

typedef struct {
    unsigned int device, type;
    char bdf[32];
    unsigned int gpu, node;
    char uuid[96];
    unsigned int brand, mode;
    char name[32];
} device_info;
typedef struct { long visible_total, visible_used, total, used, xtt_total, xtt_used; } memory_info;

static int write_version(char *version, unsigned int *size, const char *text)
{
    if (*size < 64)
        return 10;
    strcpy(version, text);
    *size = strlen(text) + 1;
    return 0;
}

unsigned int mxSmlInit(void)
{
#ifdef FAILS
    return 26;
#else
    return 0;
#endif
}

unsigned int mxSmlGetDeviceCount(void)
{
#ifdef NONSENSE
    return 4294967295u;
#else
    return 3;
#endif
}

unsigned int mxSmlGetMacaVersion(char *version, unsigned int *size) { return write_version(version, size, "3.5.3.18"); }

unsigned int mxSmlGetDeviceVersion(unsigned int device, unsigned int unit, char *version, unsigned int *size)
{
    return unit == 1 ? write_version(version, size, "3.6.11") : write_version(version, size, "1.25.1.0");
}

unsigned int mxSmlGetDeviceInfo(unsigned int device, device_info *info)
{
    memset(info, 0, sizeof *info);
    info->device = info->gpu = device;
    snprintf(info->bdf, sizeof info->bdf, "0000:%02x:00.0", 0x0e + device);
    memset(info->uuid, 'u', sizeof info->uuid - 1);
    info->brand = 2;
    info->mode = device == 2;
    strcpy(info->name, "MXC500");
    return 0;
}

unsigned int mxSmlGetMemoryInfo(unsigned int device, memory_info *memory)
{
    memory->visible_total = 1;
    memory->total = 65536L * 1024;
    return 0;
}

unsigned int mxSmlGetDeviceState(unsigned int device, int *state)
{
    *state = device != 1;
    return 0;
}
