/* A library that has the name of another: libupnp's parser of XML is called libixml.so too. */
int ixmlParseBuffer(void);

int ixmlParseBuffer(void) { return 0; }
