"""Tells retake what happens inside this process: tools, retrievals, steps. Standard library only; copy the file.

    @retake.tool                     on def or async def: a replay may answer from the recording instead of running it
    @retake.retrieval                the same for a function that returns documents ({"id", "text", "score", "metadata"} or str)
    with retake.node("step", "plan", given) as step: step["output"] = ...

A tool that a model called is joined to that call by `save(**arguments, retake_call_id=call.id)`.
Where `RETAKE_URL` is missing or nobody listens, everything runs as if this file were not there.
"""
import contextlib, contextvars, functools, inspect, json, os, urllib.request  # noqa: E401

_parent = contextvars.ContextVar("retake", default=None)
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _post(path, **body):
    try:
        data = json.dumps({k: v for k, v in body.items() if v is not None}, default=str).encode()
        request = urllib.request.Request(os.environ["RETAKE_URL"] + path, data, {"content-type": "application/json"})
        with _direct.open(request, timeout=3) as answer:
            return json.loads(answer.read() or b"{}")
    except Exception:
        return {}


@contextlib.contextmanager
def node(kind, name, given=None, call_id=None):
    begun = _post("/nodes", kind=kind, name=name, input=given, parent=_parent.get(), call_id=call_id)
    mark, made = _parent.set(begun.get("id") or _parent.get()), {"run": True, **begun}
    end = functools.partial(_post, f"/nodes/{begun.get('id')}/end") if begun.get("id") and made["run"] else dict
    try:
        yield made
        end(output=made.get("output"), documents=made.get("documents"))
    except BaseException as error:
        end(error=f"{type(error).__name__}: {error}")
        raise
    finally:
        _parent.reset(mark)


def _announced(kind, work, result):
    def begin(args, kwargs, call_id):
        return node(kind, work.__name__, dict(inspect.signature(work).bind(*args, **kwargs).arguments), call_id)

    def recorded(made):
        if made.get("error") is not None:
            raise RuntimeError(made["error"])
        return made.get(result)

    @functools.wraps(work)
    def plain(*args, retake_call_id=None, **kwargs):
        with begin(args, kwargs, retake_call_id) as made:
            if made["run"]:
                made[result] = work(*args, **kwargs)
            return recorded(made)

    @functools.wraps(work)
    async def waiting(*args, retake_call_id=None, **kwargs):
        with begin(args, kwargs, retake_call_id) as made:
            if made["run"]:
                made[result] = await work(*args, **kwargs)
            return recorded(made)

    return waiting if inspect.iscoroutinefunction(work) else plain


def tool(work):
    return _announced("tool", work, "output")


def retrieval(work):
    return _announced("retrieval", work, "documents")
