/* ROCm SMI of AMD; with -DVENDOR=0x1d94 and -DOLD that of Hygon, which lacks the newer functions. */
#include "behaviour.h"

#ifndef VENDOR
#define VENDOR 0x1002
#endif
#ifndef DEVICE
#define DEVICE 0x7fff
#endif
#ifndef BUS
#define BUS 0x03
#endif

int rsmi_init(uint64_t flags) {
    behave();
    return flags != 0 ? 1 : STATUS;
}

int rsmi_num_monitor_devices(uint32_t *count) {
    *count = COUNT;
    return 0;
}

int rsmi_dev_vendor_id_get(uint32_t index, uint16_t *id) {
    (void)index;
    *id = VENDOR;
    return 0;
}

int rsmi_dev_id_get(uint32_t index, uint16_t *id) {
    (void)index;
    *id = DEVICE;
    return 0;
}

int rsmi_dev_pci_id_get(uint32_t index, uint64_t *place) {
    *place = (uint64_t)(BUS + index) << 8;
    return 0;
}

int rsmi_dev_name_get(uint32_t index, char *name, size_t length) {
    (void)index;
#ifdef OLD
    say(name, length, "K100_AI");
#else
    say(name, length, "0x7fff");
#endif
    return 0;
}

int rsmi_dev_memory_total_get(uint32_t index, int kind, uint64_t *total) {
    (void)index;
    if (kind != 0) return 2;
    *total = bytes(64);
    return 0;
}

int rsmi_version_str_get(int component, char *version, uint32_t length) {
    if (component != 0) return 1;
    say(version, length, "6.10.5");
    return 0;
}

#ifndef OLD
int rsmi_dev_market_name_get(uint32_t index, char *name, uint32_t length) {
    (void)index;
    say(name, length, "AMD Instinct MI999X");
    return 0;
}

int rsmi_dev_target_graphics_version_get(uint32_t index, uint64_t *version) {
    (void)index;
#ifdef TARGET
    *version = TARGET;
#else
    *version = 942;
#endif
    return 0;
}
#endif
