from mizzap_common.service import main

from mizzap_gateway.app import build
from mizzap_gateway.settings import GatewaySettings

main("gateway", GatewaySettings, build)
