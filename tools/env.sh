# source tools/env.sh     (bash or zsh)
# Puts the workspace into this shell: the virtual environment, the ROS 2 wheels, and install/ where it has been built.
# With ROS 2 installed, source /opt/ros/DISTRO/setup.bash first: then that ROS is used and this adds only install/.

_embodiedcomp_root=$(cd "$(dirname "${BASH_SOURCE[0]:-$0}")/.." && pwd)

if [ -d "$_embodiedcomp_root/.venv" ]; then
    _embodiedcomp_venv="$_embodiedcomp_root/.venv"
    export VIRTUAL_ENV="$_embodiedcomp_venv"
    case ":$PATH:" in
        *":$_embodiedcomp_venv/bin:"*) ;;
        *) export PATH="$_embodiedcomp_venv/bin:$PATH" ;;
    esac
    if [ -d "$_embodiedcomp_venv/share/rclpy" ]; then
        # The wheels are one ROS prefix. Their shared libraries lie in lib/ and beside the Python packages; with the
        # path set here, the wheels' start-up hook needs no second start of the interpreter.
        for _embodiedcomp_variable in AMENT_PREFIX_PATH CMAKE_PREFIX_PATH; do
            eval "_embodiedcomp_value=\${$_embodiedcomp_variable:-}"
            case ":$_embodiedcomp_value:" in
                *":$_embodiedcomp_venv:"*) ;;
                *) export "$_embodiedcomp_variable=$_embodiedcomp_venv${_embodiedcomp_value:+:$_embodiedcomp_value}" ;;
            esac
        done
        for _embodiedcomp_library in "$_embodiedcomp_venv"/lib/python3.*/site-packages/ros_*.libs "$_embodiedcomp_venv/lib"; do
            [ -d "$_embodiedcomp_library" ] || continue
            case ":${LD_LIBRARY_PATH:-}:" in
                *":$_embodiedcomp_library:"*) ;;
                *) export LD_LIBRARY_PATH="$_embodiedcomp_library${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" ;;
            esac
        done
        export _ROS_WHEELS_BOOTSTRAP_COMPLETE=1
        export ROS_VERSION=2 ROS_PYTHON_VERSION=3
        export RMW_IMPLEMENTATION="${RMW_IMPLEMENTATION:-rmw_fastrtps_cpp}"
    fi
    unset _embodiedcomp_venv _embodiedcomp_variable _embodiedcomp_value _embodiedcomp_library
fi

if [ -f "$_embodiedcomp_root/install/local_setup.sh" ]; then
    COLCON_CURRENT_PREFIX="$_embodiedcomp_root/install"
    . "$_embodiedcomp_root/install/local_setup.sh"
    unset COLCON_CURRENT_PREFIX
fi
unset _embodiedcomp_root
