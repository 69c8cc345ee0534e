"""One file for each way the files of a scene may lie: a folder, a tar file."""
