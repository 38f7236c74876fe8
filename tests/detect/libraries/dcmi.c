/* Stands in for Huawei's libdcmi.so: the documented functions and layouts, with what a few hosts would answer.

   DUO: two 310P boards of two chips and a controller each.  PAIR: one 910C; MODULE is what is known of its model.
   NUMBERED: only the calls that name a chip by one number.  default: one 910B; FIRST is the number of its node. */
#include <stdio.h>
#include <string.h>

#define NOT_SUPPORTED (-8255)
#ifndef MODULE
#define MODULE ""
#endif
#ifndef FIRST
#define FIRST 0
#endif

struct chip_info { unsigned char type[32], name[32], version[32]; unsigned int cores; };
struct chip_info_v2 { struct chip_info first; unsigned char npu_name[32]; };
struct pcie_info_all {
    unsigned int vendor, subvendor, device_id, subdevice;
    int domain;
    unsigned int bus, device, function;
    unsigned char reserve[32];
};
struct hbm_info { unsigned long long size; unsigned int frequency; unsigned long long used; int temperature; unsigned int rate; };
struct memory_info {
    unsigned long long size, available;
    unsigned int frequency;
    unsigned long page_size, pages, free_pages;
    unsigned int used;
    unsigned char reserve[60];
};

static inline int fill_pcie(struct pcie_info_all *pcie, unsigned int bus)
{
    memset(pcie, 0, sizeof *pcie);
    pcie->vendor = 0x19e5;
    pcie->device_id = 0xd500;
    pcie->bus = bus;
    return 0;
}

int dcmi_init(void)
{
#if defined FAILS || defined NUMBERED
    return -8005;
#else
    return 0;
#endif
}

int dcmi_get_driver_version(char *version, unsigned int length)
{
    snprintf(version, length, "25.2.0");
    return 0;
}

int dcmi_get_card_list(int *count, int *cards, int length)
{
#if defined NONSENSE
    *count = 2000000000;
#elif defined DUO
    *count = 2;
    cards[0] = 4;
    cards[1] = 5;
#else
    *count = 1;
    cards[0] = 0;
#endif
    return length < 2 ? -8001 : 0;
}

int dcmi_get_device_num_in_card(int card, int *count)
{
#if defined DUO
    *count = 3;
#elif defined PAIR
    *count = 2;
#else
    *count = 1;
#endif
    return 0;
}

int dcmi_get_device_type(int card, int chip, int *type)
{
    *type = chip == 2; /* the controller of a board */
    return 0;
}

int dcmi_get_device_logic_id(int *logical, int card, int chip)
{
#ifdef DUO
    *logical = (card - 4) * 2 + chip;
#else
    *logical = chip;
#endif
    return 0;
}

int dcmi_get_device_phyid_from_logicid(unsigned int logical, unsigned int *physical)
{
    *physical = logical + FIRST;
    return 0;
}

int dcmi_get_device_chip_info(int card, int chip, struct chip_info *info)
{
    memset(info, 0, sizeof *info);
    strcpy((char *)info->type, "Ascend");
#if defined GARBAGE
    memset(info->name, 0xfe, sizeof info->name);
#elif defined DUO
    strcpy((char *)info->name, "310P3");
#elif defined PAIR
    strcpy((char *)info->name, "Ascend910");
#else
    strcpy((char *)info->name, "910B3");
#endif
    info->cores = 8;
    return 0;
}

#ifndef OLD
int dcmi_get_device_chip_info_v2(int card, int chip, struct chip_info_v2 *info)
{
    dcmi_get_device_chip_info(card, chip, &info->first);
    strcpy((char *)info->npu_name, MODULE);
    return 0;
}

int dcmi_get_device_pcie_info_v2(int card, int chip, struct pcie_info_all *pcie)
{
#if defined GARBAGE
    memset(pcie, 0xff, sizeof *pcie);
    return 0;
#elif defined DUO
    return fill_pcie(pcie, card == 4 ? 0x86 : 0x3b); /* both chips of a board answer with its address */
#elif defined PAIR
    return fill_pcie(pcie, 0x9d + 2 * chip);
#else
    return fill_pcie(pcie, 0xc1);
#endif
}
#else
struct pcie_info { unsigned int device_id, vendor, subvendor, subdevice, device, bus, function; };

int dcmi_get_device_pcie_info(int card, int chip, struct pcie_info *pcie)
{
    memset(pcie, 0, sizeof *pcie);
    pcie->bus = 0xc1;
    return 0;
}
#endif

int dcmi_get_device_hbm_info(int card, int chip, struct hbm_info *hbm)
{
#ifdef DUO
    return NOT_SUPPORTED;
#else
    hbm->size = 65536;
    hbm->used = 3421;
#ifdef GARBAGE
    hbm->size = ~0ULL;
#endif
    return 0;
#endif
}

int dcmi_get_device_memory_info_v3(int card, int chip, struct memory_info *memory)
{
    memset(memory, 0, sizeof *memory);
    memory->size = chip == 0 ? 44280 : 43693;
    return 0;
}

int dcmi_get_device_health(int card, int chip, unsigned int *health)
{
#ifdef DUO
    *health = card == 5 && chip == 1 ? 2 : card == 4 && chip == 1 ? 1 : 0;
#else
    *health = 0;
#endif
    return 0;
}

#ifdef NUMBERED
int dcmiv2_init(void) { return 0; }

int dcmiv2_get_driver_version(char *version, unsigned int length)
{
    snprintf(version, length, "26.0.rc1");
    return 0;
}

int dcmiv2_get_device_list(int *devices, int *count, int length)
{
    *count = 3;
    for (int place = 0; place < *count; place++)
        devices[place] = place;
    return 0;
}

int dcmiv2_get_device_type(int device, int *type)
{
    *type = device == 2;
    return 0;
}

int dcmiv2_get_device_chip_info(int device, struct chip_info_v2 *info)
{
    memset(info, 0, sizeof *info);
    strcpy((char *)info->first.name, "Ascend950");
    return 0;
}

int dcmiv2_get_device_pcie_info(int device, struct pcie_info_all *pcie) { return fill_pcie(pcie, 0x10 + device); }

int dcmiv2_get_device_hbm_info(int device, struct hbm_info *hbm)
{
    hbm->size = 114688;
    return 0;
}

int dcmiv2_get_device_health(int device, unsigned int *health)
{
    *health = device == 1 ? 3 : 0;
    return 0;
}
#endif
