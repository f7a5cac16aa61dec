"""The `fcb` command: hands over to `fcb_pipelines.cli`."""

from fcb_pipelines.cli import main

if __name__ == "__main__":
    main()
