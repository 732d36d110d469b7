"""The layout network: pages whose structure is known, the net, and what the program makes of its map."""
