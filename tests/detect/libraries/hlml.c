/* HLML of Intel Gaudi. */
#include "behaviour.h"

typedef void *hlml_device_t;
typedef struct { unsigned long long free, total, used; } hlml_memory_t;
typedef struct {
    unsigned int bus;
    char bus_id[15];
    unsigned int device, domain, pci_device_id;
    char link_speed[10], link_width[10];
} hlml_pci_info_t;

int hlml_init(void) {
    behave();
    return STATUS;
}

int hlml_device_get_count(unsigned int *count) {
    *count = COUNT;
    return 0;
}

int hlml_device_get_handle_by_index(unsigned int index, hlml_device_t *device) {
    *device = (void *)(size_t)(index + 1);
    return 0;
}

int hlml_device_get_name(hlml_device_t device, char *name, unsigned int length) {
    (void)device;
    say(name, length, "HL-225");
    return 0;
}

int hlml_device_get_pci_info(hlml_device_t device, hlml_pci_info_t *pci) {
    pci->bus = 0x33 + ((size_t)device - 1);
    pci->pci_device_id = 0x10201da3;
    snprintf(pci->bus_id, sizeof pci->bus_id, "0000:%02x:00.0", pci->bus & 0xff);
    return 0;
}

int hlml_device_get_memory_info(hlml_device_t device, hlml_memory_t *memory) {
#ifdef LOST
    if ((size_t)device - 1 == LOST) return 15;
#endif
    (void)device;
    memory->free = 1;
    memory->total = bytes(96);
    memory->used = 2;
    return 0;
}

#ifndef OLD
int hlml_get_driver_version(char *version, unsigned int length) {
    say(version, length, "1.22.1-97ec1a4");
    return 0;
}
#endif
