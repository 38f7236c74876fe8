/* AMD SMI; with -DOLD the structures of its first releases. */
#include "behaviour.h"

typedef void *amdsmi_processor_handle;
#ifdef OLD
#define NAME 64
#else
#define NAME 256
#endif
typedef struct {
    char market_name[NAME];
    uint32_t vendor_id;
    char rest[600];
} amdsmi_asic_info_t;
typedef struct { char driver_version[NAME], driver_date[NAME], driver_name[NAME]; } amdsmi_driver_info_t;

int amdsmi_init(uint64_t flags) {
    behave();
    return flags != 2 ? 1 : STATUS;
}

int amdsmi_get_socket_handles(uint32_t *count, void **sockets) {
    if (sockets != NULL)
        for (uint32_t socket = 0; socket < *count; socket++) sockets[socket] = (void *)(size_t)(socket + 1);
    *count = COUNT;
    return 0;
}

int amdsmi_get_processor_handles(void *socket, uint32_t *count, amdsmi_processor_handle *gpus) {
    if (gpus != NULL) gpus[0] = socket;
    *count = 1;
    return 0;
}

int amdsmi_get_gpu_asic_info(amdsmi_processor_handle gpu, amdsmi_asic_info_t *asic) {
    (void)gpu;
    say(asic->market_name, NAME, "AMD Instinct MI999X");
    asic->vendor_id = 0x1002;
    return 0;
}

int amdsmi_get_gpu_id(amdsmi_processor_handle gpu, uint16_t *id) {
    (void)gpu;
    *id = 0x7fff;
    return 0;
}

int amdsmi_get_gpu_bdf_id(amdsmi_processor_handle gpu, uint64_t *place) {
    *place = 1ull << 32 | (uint64_t)(2 + (size_t)gpu) << 8;
    return 0;
}

int amdsmi_get_gpu_memory_total(amdsmi_processor_handle gpu, int kind, uint64_t *total) {
    (void)gpu;
    if (kind != 0) return 2;
    *total = bytes(192);
    return 0;
}

int amdsmi_get_gpu_driver_info(amdsmi_processor_handle gpu, amdsmi_driver_info_t *driver) {
    (void)gpu;
    say(driver->driver_version, NAME, "6.12.12");
    return 0;
}
