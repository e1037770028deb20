"""The processes of a launch in real time: start, ready barrier, supervision, restart, stop.

A plan is a launch file with all references resolved. An edge is a connection from an output to an input. An incarnation
of a node is one run of its process; each restart begins a new one.
"""
