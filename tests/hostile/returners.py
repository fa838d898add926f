"""Functions whose results are no arrays of numbers."""

import numpy as np


def an_array_of_objects(dy, x):
    return np.array([object(), object()])


def an_array_of_texts(dy, x):
    return np.array(["1", "2"])


def a_text(dy, x):
    return "[1, 0]"


def a_generator(dy, x):
    return (d for d in dy)


def nested_lists(dy, x):
    return [[1.0], [1.0, 2.0]]


def nothing(dy, x):
    return None


def nan(dy, x):
    return np.full_like(x, np.nan)


def complex_numbers(dy, x):
    return dy * 1j


def dates(dy, x):
    return np.array(["2026-11-21"] * 2, dtype="datetime64[D]")


def a_record(dy, x):
    return np.zeros(2, dtype=[("a", "f8"), ("b", "i4")])


def the_function_itself(dy, x):
    return the_function_itself


def a_module(dy, x):
    return np


def itself_inside(dy, x):
    result = []
    result.append(result)
    return result


def a_dict_with_hostile_keys(dy, x):
    class Key:
        def __str__(self):
            raise RuntimeError("no words")

        def __hash__(self):
            return 0

    return {Key(): dy}


def an_array_that_raises(dy, x):
    class Raises:
        def __array__(self, *_, **__):
            raise RuntimeError("no array")

    return Raises()


def an_array_that_is_equal_to_everything(dy, x):
    class Equal(np.ndarray):
        def __eq__(self, other):
            return True

        __hash__ = None

        def __ne__(self, other):
            raise RuntimeError("not different")

    return (dy * 2).view(Equal)


def an_array_that_lies(dy, x):
    class Lies(np.ndarray):
        shape = (1000, 1000)
        nbytes = 0
        dtype = "float64"

    return dy.view(Lies)


def many_axes(dy, x):
    return np.zeros((1,) * 64)


def an_empty_array_of_a_large_shape(dy, x):
    return np.zeros((0, 2**40))


def an_error_without_words(dy, x):
    class Wordless(Exception):
        def __str__(self):
            raise RuntimeError

    raise Wordless


def an_error_that_is_a_base(dy, x):
    raise BaseException("the base of all")


def an_error_that_is_a_generator_exit(dy, x):
    raise GeneratorExit


def changed_inputs(dy, x):
    x *= 0
    return dy


def changed_inputs_in_a_thread(dy, x):
    import threading
    thread = threading.Thread(target=x.fill, args=(7,))
    thread.start()
    thread.join()
    return dy
