"""The commands to rehearse and to learn with, over a door made of values."""

from cli_stage import FakeLabs, Stage


def test_lab_commands_need_a_lab() -> None:
    """Without a lab the answer is exit 5 and how to start one; ending none is fine."""
    for words in ("lab status", "lab url --api", "lab env"):
        assert Stage(labs=FakeLabs(there=False)).play(*words.split()).exit_code == 5
    done = Stage(labs=FakeLabs(there=False)).play("lab", "down")
    assert (done.exit_code, done.stdout) == (0, "lab lab was not up\n")


def test_lab_env_is_for_a_shell() -> None:
    """Quoted exports, and what must not be set."""
    assert Stage().play("lab", "env").stdout == (
        "export AWS_ENDPOINT_URL=http://127.0.0.1:4560\nexport AWS_ACCESS_KEY_ID='a b'\nunset AWS_PROFILE\n"
    )


def test_lab_load_goes_to_the_first_listener() -> None:
    """Rate, duration and headers are passed on, and its exit code is ours."""
    play = Stage()
    assert play.play("lab", "load", "--rate", "300", "--duration", "1m", "--header", "Host=x").exit_code == 1
    assert play.labs.loads == [("http://127.7.255.1:8080/", 300.0, 60.0, ("Host=x",))]


def test_lab_url_is_one_line() -> None:
    """So that `curl $(teal lab url)` works."""
    assert Stage().play("lab", "url", "--port", "80").stdout == "http://127.7.255.1:80/\n"
    assert Stage().play("lab", "url", "--api").stdout == "http://127.0.0.1:4560\n"


def test_the_demo_prints_what_it_shows() -> None:
    """What the demo says is data."""
    done = Stage().play("demo")
    assert (done.exit_code, done.stdout) == (0, "0 requests lost\n")
    assert Stage().play("demo", "--keep").stdout == "kept\n"


def test_schema_and_example_describe_the_configuration() -> None:
    """The schema is a JSON document, the example an annotated file."""
    assert "properties" in Stage().play("schema").stdout
    assert Stage().play("schema", "--example").stdout.startswith("# teal.yaml")
