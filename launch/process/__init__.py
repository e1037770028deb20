"""The processes of a realtime launch: started, proven, watched, restarted, stopped."""
