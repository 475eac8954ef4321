# shellcheck shell=bash
# Virtual environments with other people's programs for the checks that need some. Sourced after common.sh.

# python_environment FOLDER REQUIREMENTS: makes one, unless that which is there has these requirements.
python_environment() {
    local folder=$1 requirements=$2
    if cmp -s "$requirements" "$folder/installed"; then return; fi
    say "Installing $requirements into $folder …"
    rm -rf "$folder"
    mkdir -p "$(dirname "$folder")"
    python3 -m venv "$folder" >"$folder.log" 2>&1 || die "python3 cannot make virtual environments: $(tail -n 1 "$folder.log")
On Debian and Ubuntu: apt-get install python3-venv" 69
    quietly "$folder.log" "$folder/bin/python" -m pip install --disable-pip-version-check --no-input \
        --requirement "$requirements"
    cp "$requirements" "$folder/installed"
}
