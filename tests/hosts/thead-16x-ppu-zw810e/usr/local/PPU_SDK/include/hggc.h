#ifndef __HGGC_H__
#define __HGGC_H__
#define HGGC_VERSION 12030
#endif
