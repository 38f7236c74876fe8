"""What can be wrong with NVIDIA's devices, driver and the services beside it."""

from envkit.detect.analyzers import nvidia_driver, nvidia_places, nvidia_services, nvidia_silent

ANALYZERS = (
    *nvidia_driver.ANALYZERS,
    *nvidia_silent.ANALYZERS,
    *nvidia_services.ANALYZERS,
    *nvidia_places.ANALYZERS,
)
